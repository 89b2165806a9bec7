"""A day without a network: ten reports with photos, the browser closed and opened again, and all of it arrives once."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from benchmarks.soak import Server
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, PASSWORD, PHONE, OpenPhone
from tests.browser.test_offline_pages import controlled
from tests.photos.samples import exif, jpeg

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPORTS = 10


def _arrived(engine: Engine) -> list[tuple[str, float, int, int]]:
    """Text, latitude, and how many photos of which width (the widest) each report has."""
    query = text(
        "SELECT description, ST_Y(geom_4326), count(photo.id), coalesce(max(photo.width_px), 0)"
        " FROM report LEFT JOIN photo ON photo.report_id = report.id GROUP BY report.id ORDER BY description"
    )
    with unit_of_work(engine, SYSTEM) as uow:
        return [(row[0], row[1], row[2], row[3]) for row in uow.connection.execute(query)]


def _width(number: int) -> int:
    return 320 + 16 * number


def _lat(number: int) -> float:
    return round(CENTRE_LAT + 0.001 * number, 6)


def sign_in_to_stay(page: Page) -> None:
    """On one's own phone: closing the browser ends no session."""
    page.goto("/login")
    page.fill("input[name=email]", "agent@demo.quietude")
    page.fill("input[name=password]", PASSWORD)
    page.check("input[name=remember]")
    page.tap("form[name=login_user_form] button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def _show(page: Page, name: str) -> None:
    """The screen as the guide shows it, when QUIETUDE_GUIDE_IMAGES names a folder for it (docs/guide/images)."""
    if folder := os.environ.get("QUIETUDE_GUIDE_IMAGES"):
        screen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        small = screen.resize((PHONE["width"], PHONE["height"]), Image.Resampling.LANCZOS)
        small.quantize(64, dither=Image.Dither.NONE).save(Path(folder) / f"{name}.png", optimize=True)


def record(page: Page, number: int, folder: Path, said: str = "Enregistré sur ce téléphone.") -> None:
    """What an agent does in front of one thing: category, text, photo, send. The phone knows where it is."""
    picture = folder / f"{number}.jpg"
    picture.write_bytes(jpeg(_width(number), 240, exif=exif()))
    page.context.set_geolocation({"longitude": CENTRE_LON, "latitude": _lat(number), "accuracy": 8})
    page.goto("/reports/new")
    if number:
        page.tap("#recent")
    else:
        page.tap("button[data-theme=cleanliness]")
        page.tap("label:has(input[value=overflowing_bin])")
    expect(page.locator("#lat")).to_have_value(f"{_lat(number):.6f}")
    page.fill("#description", f"relevé {number}")
    page.set_input_files("#photos", picture)
    expect(page.locator("[data-photo-list] li")).to_have_count(1)
    page.tap("#submit")
    expect(page.locator("#done-title")).to_have_text(said)


def test_ten_reports_recorded_in_airplane_mode_arrive_once_after_the_browser_was_closed(
    killable_server: Server, open_phone: OpenPhone, engine: Engine, tmp_path: Path
) -> None:
    phone = open_phone()
    page = phone.pages[0]
    sign_in_to_stay(page)
    phone.set_geolocation({"longitude": CENTRE_LON, "latitude": CENTRE_LAT})
    controlled(page)
    killable_server.kill()
    phone.set_offline(True)
    for number in range(REPORTS):
        record(page, number, tmp_path)
    _show(page, "hors-ligne-garde")
    phone.close()

    phone = open_phone()
    phone.set_offline(True)
    page = phone.pages[0]
    page.goto("/outbox")
    expect(page.locator("#outbox-badge .outbox-count")).to_have_text(str(2 * REPORTS))
    expect(page.locator("#outbox-waiting .outbox-item", has_text="relevé")).to_have_count(REPORTS)
    assert _arrived(engine) == []
    _show(page, "hors-ligne-boite")

    killable_server.start()
    killable_server.wait()
    phone.set_offline(False)
    expect(page.locator("#outbox-sent .outbox-item")).to_have_count(REPORTS)
    expect(page.locator("#outbox-waiting")).to_be_hidden()
    expect(page.locator("#outbox-badge")).to_be_hidden()
    expected = [(f"relevé {number}", _lat(number), 1, _width(number)) for number in range(REPORTS)]
    assert _arrived(engine) == expected
    page.reload()  # opening it once more sends nothing twice
    expect(page.locator("#outbox-sent .outbox-item")).to_have_count(REPORTS)
    assert _arrived(engine) == expected
