"""The fixtures of interventions, and a browser without JavaScript that is signed in as a demo account."""

from __future__ import annotations

from tests.interventions.conftest import browse, send  # noqa: F401
from tests.reports.conftest import actor_of, bearer, places  # noqa: F401
