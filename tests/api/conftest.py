"""One real server for all tests of the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.db.cluster import Cluster
from tests.api.serving import Site, database, serving


@pytest.fixture(scope="session")
def site(cluster: Cluster, owner_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The server, its tokens, its database."""
    with (
        database(cluster, owner_url, "quietude_api") as app_url,
        serving(app_url, tmp_path_factory.mktemp("api")) as it,
    ):
        yield it
