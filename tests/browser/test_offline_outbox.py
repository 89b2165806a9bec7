"""The outbox in a real browser: what was saved is kept until the server has it, and arrives once."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON

pytestmark = pytest.mark.browser

IMPORT = "const outbox = await import('/static/js/offline-outbox.js');"
REPORT = {"category": "overflowing_bin", "lon": CENTRE_LON, "lat": CENTRE_LAT, "observed_at": "2026-05-04T16:30:00Z"}


def run(page: Page, script: str, value: Any = None) -> Any:
    """Run the body of an async function that has `outbox` and `value`."""
    return page.evaluate(f"async (value) => {{ {IMPORT} {script} }}", value)


def stored(engine: Engine) -> list[tuple[str, int]]:
    """The reports that arrived, and how many photos each has."""
    with unit_of_work(engine, SYSTEM) as uow:
        found = uow.connection.execute(
            text(
                "SELECT id::text, (SELECT count(*) FROM photo WHERE photo.report_id = report.id) FROM report ORDER BY 1"
            )
        )
        return [(row[0], row[1]) for row in found]


def know_who(page: Page) -> None:
    """One visit with a network: the phone learns whose queue this is."""
    page.evaluate("import('/static/js/offline-session.js').then((session) => session.refresh())")


def test_saved_report_with_two_photos_arrives(agent: Page, engine: Engine) -> None:
    know_who(agent)
    result = run(
        agent,
        """
        const draw = (colour) => new Promise((done) => {
          const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 48});
          const context = canvas.getContext('2d');
          context.fillStyle = colour;
          context.fillRect(0, 0, 64, 48);
          canvas.toBlob(done, 'image/jpeg');
        });
        const item = await outbox.save('report', value, [await draw('#c00'), await draw('#0c0')]);
        await outbox.flush();
        await outbox.flush();
        return {id: item.id, items: await outbox.list()};
        """,
        REPORT,
    )
    assert [item["state"] for item in result["items"]] == ["sent", "sent", "sent"]
    assert stored(engine) == [(result["id"], 2)]
