"""A round without a network: opened from the phone, walked stop by stop, and everything seen arrives exactly once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, Watch, sign_in
from tests.browser.test_duplicates import violations
from tests.browser.test_offline_outbox import NO_NETWORK, run, settled, states, stored
from tests.browser.test_offline_pages import controlled

pytestmark = pytest.mark.browser

NAMES = ("Square du soir", "Passage des halles", "Place du marché")
AGENT = "agent@demo.quietude"


@pytest.fixture
def phone(open_page: Callable[..., Page], watch: Watch) -> Page:
    """A phone that has a worker and was online once."""
    watch.allow(NO_NETWORK)
    page = open_page(AGENT, service_workers="allow")
    controlled(page)
    return page


def plan(page: Page, **changes: Any) -> str:
    """A round at three points of whoever is signed in; its address."""
    stops = [{"lon": CENTRE_LON + n / 1000, "lat": CENTRE_LAT, "name": name} for n, name in enumerate(NAMES)]
    body = {"id": str(uuid4()), "kind": "round", "title": "Tour du soir", "state": "open", "stops": stops} | changes
    token = page.request.get("/api/session").json()["csrf_token"]
    answer = page.request.post("/api/patrols", data=body, headers={"X-CSRFToken": token})
    assert answer.status == 201, answer.text()
    return f"/patrols/{body['id']}"


def cut(page: Page, address: str) -> None:
    """One visit with a network, then none."""
    page.goto(address)
    run(page, "await (await import('/static/js/offline-reference.js')).rounds();")
    page.context.set_offline(True)


def looked(engine: Engine) -> list[tuple[str, str, int]]:
    """The passages that arrived: where, what was seen, and how many of its reports are there."""
    query = text("""
        SELECT coalesce(stop.name, 'elsewhere'), outcome, (
            SELECT count(*) FROM patrol_passage_report JOIN report ON report.id = report_id
            WHERE passage_id = passage.id)
        FROM patrol_passage AS passage LEFT JOIN patrol_stop AS stop ON stop.id = stop_id ORDER BY passed_at
    """)
    with unit_of_work(engine, SYSTEM) as uow:
        return [(row[0], row[1], row[2]) for row in uow.connection.execute(query)]


def test_round_walked_without_a_network_arrives_once(phone: Page, engine: Engine) -> None:
    cut(phone, plan(phone))
    phone.goto("/patrols")
    expect(phone.locator(".going")).to_contain_text("0 sur 3")
    assert violations(phone) == []
    phone.get_by_role("link", name="Reprendre").click()
    expect(phone.locator("#round-title")).to_have_text("Tour du soir")
    assert phone.locator('meta[name="quietude-account"]').count() == 0
    expect(phone.locator("#observe")).to_be_hidden()
    assert violations(phone) == []
    following = phone.locator("#round-next")
    expect(following).to_contain_text(NAMES[0])
    following.get_by_role("button", name="Rien à signaler").click()
    expect(phone.locator("#round-progress label")).to_have_text("1 sur 3")
    expect(following).to_contain_text(NAMES[1])

    following.locator("button[value=found]").click()
    expect(phone.locator("#report-form")).to_be_visible()
    expect(phone.locator("#lon")).to_have_value(f"{CENTRE_LON + 0.001:.4f}")
    phone.locator("[data-theme=cleanliness]").first.click()
    phone.locator("label.tile:visible").first.click()
    phone.click("#submit")
    expect(phone.locator("#done-title")).to_have_text("Enregistré sur ce téléphone.")
    phone.locator("#done a.primary").click()
    expect(phone.locator("#round-progress label")).to_have_text("2 sur 3")
    expect(phone.locator("#round-passages li")).to_have_count(2)
    expect(phone.locator("#round-passages .found")).to_contain_text("attend sur ce téléphone")
    assert looked(engine) == []

    phone.goto("/outbox")
    waiting = phone.locator(".outbox-item")
    expect(waiting).to_have_count(3)
    expect(waiting.nth(0)).to_contain_text(NAMES[0])
    phone.context.set_offline(False)
    assert settled(phone) == ["sent"] * 3
    assert settled(phone) == ["sent"] * 3
    assert looked(engine) == [(NAMES[0], "nothing", 0), (NAMES[1], "found", 1)]
    assert len(stored(engine)) == 1

    # What was sent stays on the phone's page, also before the round has been taken along anew.
    phone.context.set_offline(True)
    phone.goto("/patrols")
    expect(phone.locator(".going")).to_contain_text("2 sur 3")
    phone.context.set_offline(False)
    phone.get_by_role("link", name="Reprendre").click()
    expect(phone.locator(".progress label")).to_have_text("2 sur 3")


def test_planned_round_begins_and_a_walk_is_recorded_without_a_network(phone: Page, engine: Engine) -> None:
    planned = plan(phone, kind="walk", state="planned", planned_at="2026-05-04T16:00:00Z")
    cut(phone, planned)
    phone.goto(planned)
    phone.get_by_role("button", name="Rien à signaler ici").click()
    expect(phone.locator("#observe-form .walk-said").last).to_contain_text("Dites où vous êtes passé")
    phone.locator("#observe-map").click(position={"x": 120, "y": 90})
    phone.get_by_role("button", name="Enregistrer le constat").click()
    expect(phone.locator("#observe-form .walk-said").last).to_contain_text("catégorie")
    assert violations(phone) == []
    phone.select_option("#category", "graffiti")
    phone.get_by_role("button", name="Enregistrer le constat").click()
    expect(phone.locator("#round-passages li")).to_have_count(1)
    phone.select_option("#stop", "2")
    expect(phone.locator("#lon")).to_have_value("")
    phone.get_by_role("button", name="Rien à signaler ici").click()
    expect(phone.locator("#round-passages li")).to_have_count(2)
    expect(phone.locator("#round-progress label")).to_have_text("1 sur 3")
    assert states(phone) == ["waiting"] * 3
    phone.context.set_offline(False)
    assert settled(phone) == ["sent"] * 3
    assert looked(engine) == [("elsewhere", "found", 1), (NAMES[1], "nothing", 0)]
    phone.goto(planned)
    expect(phone.locator(".badge.active").first).to_have_text("En cours")


def test_session_that_ended_and_another_person_on_the_phone(phone: Page, engine: Engine) -> None:
    address = plan(phone)
    cut(phone, address)
    phone.goto(address)
    phone.locator("#round-next").get_by_role("button", name="Rien à signaler").click()
    expect(phone.locator("#round-progress label")).to_have_text("1 sur 3")
    phone.context.clear_cookies()
    phone.context.set_offline(False)
    assert run(phone, "return (await outbox.flush()).left;") == "signin"

    sign_in(phone, "bailleur@demo.quietude")
    assert settled(phone) == []
    phone.context.set_offline(True)
    phone.goto(address)
    expect(phone.locator("#round-none")).to_be_visible()
    assert "Tour du soir" not in phone.inner_text("main")
    phone.goto("/patrols")
    expect(phone.locator(".going")).to_have_count(0)
    phone.context.set_offline(False)
    assert looked(engine) == []

    phone.context.clear_cookies()
    sign_in(phone, AGENT)
    assert settled(phone) == ["sent"]
    assert looked(engine) == [(NAMES[0], "nothing", 0)]


def test_lost_answers_and_a_round_that_ended_meanwhile(phone: Page, engine: Engine) -> None:
    """The server has it and its answer is lost: the replay is answered with the first result. The second is refused."""
    address = plan(phone)
    phone.goto(address)
    phone.context.set_offline(True)  # of the browser; what this test asks of the server itself still arrives
    note = "appeler le 06 12 34 56 78"
    ids = run(
        phone,
        """
        const one = await outbox.save('passage', {patrol: value.patrol, stop: 1, outcome: 'nothing'});
        const two = await outbox.save('passage', {patrol: value.patrol, stop: 2, outcome: 'found', note: value.note});
        return [one.id, two.id];
        """,
        {"patrol": address.rpartition("/")[2], "note": note},
    )
    body = run(phone, "return (await outbox.list())[0].body;")
    token = phone.request.get("/api/session").json()["csrf_token"]
    kept = {name: value for name, value in body.items() if name != "patrol"}
    first = phone.request.post(f"/api{address}/passages", data=kept, headers={"X-CSRFToken": token})
    assert first.status == 201
    phone.context.set_offline(False)
    assert settled(phone) == ["sent", "refused"]
    assert looked(engine) == [(NAMES[0], "nothing", 0)]

    phone.goto("/outbox")
    item = phone.locator(f"[data-id='{ids[1]}']")
    expect(item).to_contain_text("téléphone")
    item.get_by_role("button", name="Modifier").click()
    expect(item.locator("textarea")).to_have_value(note)
    expect(item.locator("textarea")).to_be_focused()
    assert violations(phone) == []
    item.locator("textarea").fill("lampe cassée")
    item.get_by_label("Rien à signaler").check()
    item.get_by_role("button", name="Enregistrer").click()
    expect(phone.locator(".outbox-item.outbox-sent")).to_have_count(2)
    assert looked(engine) == [(NAMES[0], "nothing", 0), (NAMES[1], "nothing", 0)]

    end = phone.request.post(
        f"/api{address}/moves", data={"move": "finish", "version": 1}, headers={"X-CSRFToken": token}
    )
    assert end.status == 200, end.text()
    run(
        phone, "await outbox.save('passage', {patrol: value, stop: 3, outcome: 'nothing'});", address.rpartition("/")[2]
    )
    assert settled(phone) == ["sent", "sent", "refused"]
    expect(phone.locator(".outbox-refused")).to_contain_text("Terminée")
    assert len(looked(engine)) == 2


def test_network_that_goes_while_the_servers_page_is_open(phone: Page, engine: Engine) -> None:
    address = plan(phone)
    cut(phone, address)
    phone.locator("#next").get_by_role("button", name="Rien à signaler").click()
    expect(phone.locator("#round-progress label")).to_have_text("1 sur 3")
    assert states(phone) == ["waiting"]
    phone.context.set_offline(False)
    assert settled(phone) == ["sent"]
    phone.goto(address)
    phone.context.set_offline(True)
    phone.get_by_role("button", name="Terminer la tournée").first.click()
    expect(phone.locator("h1")).to_have_text("Pas de réseau")
    phone.context.set_offline(False)
    assert looked(engine) == [(NAMES[0], "nothing", 0)]
