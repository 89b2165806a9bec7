"""Reported already: on the phone, with one tap it is the same, with another it is not; then merged at the desk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Geolocation, Page, Route, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, DESKTOP, Watch
from tests.browser.test_pages import AXE, WCAG
from tests.photos.samples import jpeg

pytestmark = pytest.mark.browser
HERE: Geolocation = {"longitude": CENTRE_LON, "latitude": CENTRE_LAT, "accuracy": 8}


def report(page: Page, metres_north: float, category: str = "overflowing_bin") -> str:
    """One more, sent by whoever is signed in on this page."""
    body = {"id": str(uuid4()), "category": category, "lon": CENTRE_LON, "lat": CENTRE_LAT + metres_north / 111_320}
    token = page.request.get("/api/session").json()["csrf_token"]
    answer = page.request.post("/api/reports", data=body, headers={"X-CSRFToken": token})
    assert answer.status == 201, answer.text()
    return str(body["id"])


def stored(engine: Engine) -> dict[str, str]:
    with unit_of_work(engine, SYSTEM) as uow:
        return {str(row.id): row.state for row in uow.connection.execute(text("SELECT id, state FROM report"))}


def said(engine: Engine, report_id: str) -> list[str]:
    query = text("SELECT kind FROM report_event WHERE report_id = :id ORDER BY id")
    with unit_of_work(engine, SYSTEM) as uow:
        return list(uow.connection.scalars(query, {"id": report_id}))


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """A field agent's phone that knows where it is."""
    return open_page("agent@demo.quietude", geolocation=HERE, permissions=["geolocation"])


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("(tags) => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG)
    return [f"{v['id']}: {n['html'][:160]}" for v in found["violations"] for n in v["nodes"]]


def begin(page: Page) -> None:
    page.goto("/reports/new")
    page.click("button[data-theme=cleanliness]")
    page.click("label:has(input[value=overflowing_bin])")
    page.click("#locate")


def test_one_tap_says_that_it_is_the_same(phone: Page, engine: Engine) -> None:
    there = report(phone, 10)
    report(phone, 400)
    begin(phone)
    expect(phone.locator("#similar")).to_be_visible()
    expect(phone.locator(".similar-card")).to_have_count(1)
    expect(phone.locator(".similar-card")).to_contain_text("à 10 m d'ici")
    assert violations(phone) == []
    expect(phone.locator("#similar-status")).to_contain_text("Déjà signalé")
    phone.click(".similar-card button")
    expect(phone.locator("#done-title")).to_be_focused()
    expect(phone.locator("#done-title")).to_have_text("Merci, c'est confirmé.")
    assert phone.locator("#done-link").get_attribute("href") == f"/reports/{there}"
    assert (len(stored(engine)), said(engine, there)) == (2, ["created", "still_there"])
    phone.click("#next")
    expect(phone.locator("#similar")).to_be_hidden()
    expect(phone.locator("#report-form")).to_be_visible()


def test_same_on_a_bad_network_is_kept_with_its_photo_and_goes_out_once(
    phone: Page, engine: Engine, watch: Watch, tmp_path: Path
) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch")
    there = report(phone, 10)
    (tmp_path / "bac.jpg").write_bytes(jpeg(320, 240))
    begin(phone)
    phone.set_input_files("#photos", tmp_path / "bac.jpg")
    expect(phone.locator(".similar-card")).to_have_count(1)
    phone.context.set_offline(True)
    phone.click(".similar-card button")
    expect(phone.locator("#done-title")).to_have_text("Enregistré sur ce téléphone.")
    assert (phone.locator("#done-link").get_attribute("href"), said(engine, there)) == ("/outbox", ["created"])

    # It arrives, its answer does not: the second try is no second confirmation.
    def lose_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    phone.route("**/confirmations", lose_answer, times=1)
    with phone.expect_event("requestfailed"):
        phone.context.set_offline(False)
    phone.evaluate("window.dispatchEvent(new Event('online'))")
    expect(phone.locator("#done-title")).to_have_text("Merci, c'est confirmé.")
    expect(phone.locator("#photo-uploads [role=status]")).to_have_text("Toutes les photos sont envoyées.")
    assert phone.locator("#done-link").get_attribute("href") == f"/reports/{there}"
    assert said(engine, there) == ["created", "still_there", "photo_added"]
    assert len(stored(engine)) == 1


def test_something_else_is_asked_once_and_goes_on(phone: Page, engine: Engine) -> None:
    report(phone, 10)
    begin(phone)
    phone.click("#different")
    expect(phone.locator("#similar")).to_be_hidden()
    phone.locator(".map-pin").focus()
    with phone.expect_response("**/api/reports/similar?*"):
        phone.keyboard.press("ArrowUp")
    expect(phone.locator("#similar")).to_be_hidden()
    phone.click("#submit")
    expect(phone.locator("#done")).to_be_visible()
    expect(phone.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
    assert len(stored(engine)) == 2


def test_closed_meanwhile_says_so_and_goes_on(phone: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("404|409")
    there = report(phone, 10)
    begin(phone)
    expect(phone.locator(".similar-card")).to_have_count(1)
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE report SET state = 'rejected' WHERE id = :id"), {"id": there})
    phone.click(".similar-card button")
    expect(phone.locator("#similar-problem")).to_contain_text("vient d'être clos")
    expect(phone.locator(".similar-card")).to_have_count(0)
    expect(phone.locator("#outbox-badge")).to_be_hidden()
    phone.click("#submit")
    expect(phone.locator("#done")).to_be_visible()
    assert len(stored(engine)) == 2


def test_without_javascript_the_page_asks(phone: Page, open_page: Callable[..., Page], engine: Engine) -> None:
    there = report(phone, 10)
    plain = open_page("agent@demo.quietude", java_script_enabled=False)
    plain.goto("/reports/new")
    plain.check("input[value=overflowing_bin]")
    plain.fill("#lon", str(CENTRE_LON))
    plain.fill("#lat", str(CENTRE_LAT))
    plain.click("#submit")
    expect(plain.locator("h1")).to_have_text("Déjà signalé ?")
    plain.click(".similar-card button")
    plain.wait_for_url(f"**/reports/{there}")
    assert (len(stored(engine)), said(engine, there)[-1]) == (1, "still_there")


def test_merged_on_the_page_and_taken_out_again(phone: Page, open_page: Callable[..., Page], engine: Engine) -> None:
    kept, other = report(phone, 10), report(phone, 14)
    desk = open_page("coordinator@demo.quietude", viewport=DESKTOP)
    desk.goto(f"/reports/{other}")
    desk.wait_for_load_state("networkidle")
    desk.click(".same-candidates summary")
    assert violations(desk) == []
    desk.click(".same-candidates button")
    desk.wait_for_url(f"**/reports/{kept}")
    desk.wait_for_load_state("networkidle")
    expect(desk.locator("#grouped")).to_contain_text("1 autre signalement de la même chose")
    desk.click("section[aria-labelledby=grouped] a.same")
    desk.wait_for_url(f"**/reports/{other}")
    desk.wait_for_load_state("networkidle")
    assert violations(desk) == []
    desk.get_by_role("button", name="Séparer : c'est autre chose").click()
    expect(desk.locator(".message.success")).to_contain_text("de nouveau à part")
    desk.wait_for_load_state("networkidle")
    assert stored(engine) == {kept: "new", other: "new"}
