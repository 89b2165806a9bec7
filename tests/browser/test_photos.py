"""Photos as people add, look at and cover them: on a phone, with a keyboard, with a connection that fails."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import FloatRect, Page, Route, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from app.web.context import services
from tests.browser.conftest import DESKTOP, Watch
from tests.browser.test_pages import _check, _violations
from tests.browser.test_report_form import _fill_coordinates, _open, _two_taps
from tests.photos.samples import exif, jpeg

pytestmark = pytest.mark.browser


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """A large picture as a phone makes it (lying on its side, with a position in it) and a small one."""
    files = [tmp_path / "IMG_0001.jpg", tmp_path / "IMG_0002.jpg"]
    noise = Image.effect_noise((2400, 1200), 60).convert("RGB")
    target = io.BytesIO()
    noise.save(target, "JPEG", quality=90, exif=exif(6))
    files[0].write_bytes(target.getvalue())
    files[1].write_bytes(jpeg(800, 600))
    return files


def _photos(engine: Engine) -> list[dict[str, object]]:
    query = text("SELECT id::text, state, width_px, height_px, covered_at FROM photo ORDER BY received_at")
    with unit_of_work(engine, SYSTEM) as uow:
        return [dict(row) for row in uow.connection.execute(query).mappings()]


def _all_sent(page: Page) -> None:
    # Decoding twice, here and there, on a machine that may be busy.
    expect(page.locator("#photo-uploads [role=status]")).to_have_text(
        "Toutes les photos sont envoyées.", timeout=60_000
    )


def _report(page: Page, files: list[Path]) -> None:
    _open(page)
    page.set_input_files("#photos", files)
    _finish(page)


def _finish(page: Page) -> None:
    _two_taps(page)
    _fill_coordinates(page, "2.2957", "49.8942")
    page.click("#submit")
    expect(page.locator("#done-title")).to_be_focused()


def test_photos_follow_the_report(
    agent: Page, engine: Engine, pictures: list[Path], app: Flask, tmp_path: Path
) -> None:
    (tmp_path / "vide.jpg").touch()
    (tmp_path / "nuage.jpg").write_bytes(jpeg(320, 240))
    _open(agent)
    agent.set_input_files("#photos", [tmp_path / "vide.jpg", tmp_path / "nuage.jpg"])
    expect(agent.locator("[data-photo-problem]")).to_contain_text("vide.jpg est vide")
    agent.set_input_files("#photos", {"name": "devis.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"})
    expect(agent.locator("[data-photo-problem]")).to_contain_text("devis.pdf n'est pas une image")
    (tmp_path / "nuage.jpg").unlink()
    _two_taps(agent)
    _fill_coordinates(agent, "2.2957", "49.8942")
    agent.click("#submit")
    expect(agent.locator("#failure")).to_contain_text("nuage.jpg n'est plus lisible")
    agent.get_by_role("button", name="Enlever nuage.jpg").click()
    agent.set_input_files("#photos", pictures)
    expect(agent.locator("[data-photo-list] li")).to_have_count(2)
    agent.get_by_role("button", name="Enlever IMG_0002.jpg").click()
    expect(agent.locator("[data-photo-list] li")).to_have_count(1)
    agent.set_input_files("#photos", pictures[1])
    agent.click("#submit")
    _all_sent(agent)
    sizes = [(row["width_px"], row["height_px"]) for row in _photos(engine)]
    assert sizes == [(1024, 2048), (800, 600)]  # upright, and made smaller on the phone already
    agent.click("#next")
    expect(agent.locator("#photo-uploads")).to_be_hidden()
    expect(agent.locator("[data-photo-list] li")).to_have_count(0)
    with app.app_context():
        stored = services().settings.var_dir / "photos"
    assert len(list(stored.rglob("*.thumb.jpg"))) == 2


def test_a_failed_upload_is_tried_again_with_the_same_id(
    agent: Page, watch: Watch, engine: Engine, pictures: list[Path]
) -> None:
    watch.allow("Failed to load resource")
    seen: list[str] = []

    def cut(route: Route) -> None:
        found = re.search(r"/photos/([0-9a-f-]{36})", route.request.url)
        assert found is not None
        seen.append(found[1])
        if len(seen) == 1:
            route.fetch()  # it arrives, but its answer does not
            route.abort()
        else:
            route.continue_()

    agent.route("**/photos/*", cut)
    _report(agent, pictures[1:])
    agent.locator("#photo-uploads").get_by_role("button", name="Réessayer").click()
    _all_sent(agent)
    assert len(set(seen)) == 1
    assert len(_photos(engine)) == 1


def test_what_is_no_picture_is_said_and_the_report_is_there(
    agent: Page, watch: Watch, engine: Engine, tmp_path: Path
) -> None:
    watch.allow("Failed to load resource")
    fake = tmp_path / "photo.jpg"
    fake.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    _open(agent)
    agent.set_input_files("#photos", fake)
    expect(agent.locator("[data-photo-list] .photo-note")).to_contain_text("JPEG, PNG et WebP")
    _finish(agent)
    expect(agent.locator("#photo-uploads .photo-note")).to_contain_text("JPEG, du PNG ou du WebP")
    agent.click("#done-link")
    expect(agent.locator("#photos")).to_contain_text("Pas encore de photo")
    assert _photos(engine) == []


def test_gallery_large_view_and_covering(agent: Page, engine: Engine, pictures: list[Path], app: Flask) -> None:
    _report(agent, pictures)
    _all_sent(agent)
    agent.click("#done-link")
    expect(agent.locator(".photo-open")).to_have_count(2)
    _large_view(agent)
    assert _check(agent, agent.url) == []
    second = agent.locator(".photo-grid > li").nth(1)
    second.locator("summary").click()
    second.get_by_role("link", name="Masquer visages et plaques").click()
    overlay = agent.locator("#cover-overlay")
    expect(overlay).to_be_visible()
    _draw(agent, overlay.bounding_box())
    expect(agent.locator("#cover-lines tr")).to_have_count(1)
    agent.get_by_role("button", name="Un rectangle de plus").click()
    area = agent.locator(".cover-area").nth(1)
    expect(area).to_be_focused()
    before = int(area.get_attribute("x") or 0)
    agent.keyboard.press("ArrowRight")
    agent.keyboard.press("Shift+ArrowDown")
    assert int(area.get_attribute("x") or 0) == before + 8
    expect(agent.locator("#cover-lines tr").nth(1).locator("[name=height_px]")).to_have_value("128")
    agent.keyboard.press("Delete")
    expect(agent.locator("#cover-lines tr")).to_have_count(1)
    assert _violations(agent) == []
    agent.check("input[value=black]")
    agent.get_by_role("button", name="Masquer et publier").click()
    expect(agent.locator(".message.success")).to_contain_text("Masquée et publiée")
    row = _photos(engine)[1]
    assert row["state"] == "published"
    assert row["covered_at"] is not None
    answer = agent.request.get(f"/photos/{row['id']}")
    image = Image.open(io.BytesIO(answer.body())).convert("L")
    assert image.getpixel((120, 90)) == pytest.approx(0, abs=12)
    assert image.getpixel((700, 90)) == pytest.approx(94, abs=12)  # the green quarter, outside of it


def _large_view(page: Page) -> None:
    expect(page.locator("#photo-add.photo-ready")).to_be_visible()  # the script has run
    page.locator(".photo-open").first.focus()
    page.keyboard.press("Enter")
    box = page.locator("#lightbox")
    expect(box).to_be_visible()
    expect(box.locator("[role=status]")).to_contain_text("Photo 1 sur 2")
    page.keyboard.press("ArrowRight")
    expect(box.locator("[role=status]")).to_contain_text("Photo 2 sur 2")
    page.keyboard.press("Escape")
    expect(page.locator(".photo-open").nth(1)).to_be_focused()


def _draw(page: Page, box: FloatRect | None) -> None:
    """From a tenth to a quarter of the picture, with the pointer."""
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25, steps=3)
    page.mouse.up()


def test_more_photos_from_the_page_of_the_report(
    open_page: Callable[..., Page], engine: Engine, pictures: list[Path]
) -> None:
    page = open_page("agent@demo.quietude", viewport=DESKTOP)
    _report(page, [])
    page.click("#done-link")
    page.set_input_files("#more-photos", pictures[1])
    expect(page.locator(".photo-open")).to_have_count(1)  # the page comes back with it
    assert len(_photos(engine)) == 1


def test_a_photo_chosen_before_the_script_is_there_is_sent(
    open_page: Callable[..., Page], engine: Engine, pictures: list[Path]
) -> None:
    page = open_page("agent@demo.quietude", viewport=DESKTOP)
    _report(page, [])
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/photo-gallery.js*", hold, times=1)
    page.goto(page.locator("#done-link").evaluate("link => link.href"), wait_until="commit")
    page.set_input_files("#more-photos", pictures[1])
    assert held  # the picture is there, and nobody listens yet
    held[0].continue_()
    expect(page.locator(".photo-open")).to_have_count(1)
    assert len(_photos(engine)) == 1
