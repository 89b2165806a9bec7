"""A phone that is handed on: after sign-out its disk holds nothing of a report that anybody could read."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, OpenPhone, until
from tests.browser.test_airplane import record, sign_in_to_stay
from tests.browser.test_offline_pages import controlled

pytestmark = pytest.mark.browser

PHONE_NUMBER = "06 12 34 56 78"
LAT = 49.893217


def _as_stored(texts: Iterable[str]) -> set[bytes]:
    """A text as UTF-8 or in one or two bytes a letter, as the engine keeps it."""
    return {text.encode(coding) for text in texts for coding in ("utf-8", "latin-1", "utf-16-le")}


def _found(folder: Path, pieces: Iterable[bytes]) -> set[tuple[str, bytes]]:
    """Which of the pieces lie in which top folder of the profile."""
    found = set()
    for path in folder.rglob("*"):
        raw = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found |= {("/".join(path.relative_to(folder).parts[:2]), piece) for piece in pieces if piece in raw}
    return found


def _report_with_photo(page: Page, folder: Path) -> bytes:
    """Make a report and look at it. Returns a piece from the middle of its photo, as the browser was given it."""
    record(page, 0, folder, said="Merci, c'est enregistré.")
    expect(page.locator("#photo-uploads [role=status]")).to_have_text("Toutes les photos sont envoyées.")
    page.goto(str(page.get_attribute("#done-link", "href")))
    photo = page.locator(".photo-open img")
    expect(photo).to_be_visible()
    page.wait_for_load_state("networkidle")
    whole = page.request.get(str(photo.get_attribute("src"))).body()
    return whole[len(whole) // 2 :][:48]


def _refused(page: Page) -> None:
    """A report that the server will not have; its answer quotes the text."""
    page.evaluate(
        """async ([description, lon, lat]) => {
          const outbox = await import('/static/js/offline-outbox.js');
          const observed_at = new Date().toISOString();
          await outbox.save('report', {category: 'graffiti', lon, lat, observed_at, description});
          await outbox.flush();
        }""",
        [f"appeler le {PHONE_NUMBER}", CENTRE_LON, LAT],
    )
    page.goto("/outbox")
    expect(page.locator(".outbox-reasons")).to_contain_text(PHONE_NUMBER)


def _draft(page: Page) -> None:
    page.goto("/reports/new")
    page.fill("#description", "brouillon du banc")
    until(page, """async () => (await (await import('/static/js/offline-db.js')).getAll('drafts')).length > 0""")


def test_nothing_of_a_report_can_be_read_from_the_disk_after_sign_out(open_phone: OpenPhone, tmp_path: Path) -> None:
    phone = open_phone()
    page = phone.pages[0]
    sign_in_to_stay(page)
    controlled(page)
    photo = _report_with_photo(page, tmp_path)
    _refused(page)
    page.goto("/near")
    expect(page.locator(".near-card")).to_have_count(1)
    _draft(page)
    key = base64.b64decode(page.request.get("/api/offline/session").json()["key"])
    profile = tmp_path / "phone"
    texts = _as_stored(["relevé 0", "appeler le", PHONE_NUMBER, "brouillon du banc"])
    positions = {struct.pack("<d", lat) for lat in (LAT, CENTRE_LAT)}
    # The search finds what is there: a picture that was shown, and what opens the seals. No text ever lay there open.
    assert {piece for _, piece in _found(profile, {photo, key, *texts, *positions})} == {photo, key}

    page.click(".menu summary")
    page.click("form[action$='/logout'] button")
    page.click("#leave-dialog button[value=leave]")
    page.wait_for_url(lambda url: url.endswith("/"))
    phone.close()
    assert _found(profile, {photo, key, *texts, *positions}) == set()
