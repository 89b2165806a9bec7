"""Reporting as people do it: two taps and the map, with a keyboard, with errors, without JavaScript or network."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, Watch, until
from tests.photos.samples import jpeg

pytestmark = pytest.mark.browser


def _stored(engine: Engine) -> list[dict[str, object]]:
    with unit_of_work(engine, SYSTEM) as uow:
        rows = uow.connection.execute(
            text(
                "SELECT id::text, category_code, severity, description, source, ST_X(geom_4326) AS lon,"
                " ST_Y(geom_4326) AS lat, place_id, observed_at FROM report ORDER BY received_at"
            )
        )
        return [dict(row) for row in rows.mappings()]


def _open(page: Page) -> None:
    page.goto("/reports/new")
    # The map is loaded once it comes into view; the commune is drawn once our own vectors have arrived.
    page.locator("#report-map").scroll_into_view_if_needed()
    expect(page.locator(".map-commune")).to_be_attached()


def _two_taps(page: Page) -> None:
    page.click("button[data-theme=cleanliness]")
    page.click("label:has(input[value=overflowing_bin])")


def _tap_map(page: Page, dx: float = 0, dy: float = 0) -> None:
    """Tap the map at its middle, or so many pixels beside it."""
    page.locator("#report-map").scroll_into_view_if_needed()
    box = page.locator("#report-map").bounding_box()
    assert box is not None
    page.locator("#report-map").click(position={"x": box["width"] / 2 + dx, "y": box["height"] / 2 + dy})


def _fill_coordinates(page: Page, lon: str, lat: str) -> None:
    if page.locator("#coordinates").get_attribute("open") is None:
        page.click("#coordinates summary")
    page.fill("#lon", lon)
    page.fill("#lat", lat)


def test_two_taps_a_tap_on_the_map_and_send(agent: Page, engine: Engine) -> None:
    _open(agent)
    _two_taps(agent)
    expect(agent.locator("input[name=severity]:checked")).to_have_value("1")  # what is usual for an overflowing bin
    _tap_map(agent)
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_be_focused()
    (stored,) = _stored(engine)
    assert (stored["category_code"], stored["severity"], stored["source"]) == ("overflowing_bin", 1, "form")
    assert stored["lon"] == pytest.approx(CENTRE_LON, abs=0.05)
    agent.click("#done-link")
    expect(agent).to_have_url(re.compile(f"/reports/{stored['id']}$"))


def test_next_report_starts_clean_and_offers_the_last_category(agent: Page, engine: Engine) -> None:
    _open(agent)
    height = 844
    for text_ in ("premier", "second"):
        if text_ == "premier":
            _two_taps(agent)
        else:
            expect(agent.locator("#description")).to_have_value("")
            expect(agent.locator("#lon")).to_have_value("")
            agent.click("#recent")
        _tap_map(agent)
        agent.fill("#description", text_)
        agent.click("#submit")
        expect(agent.locator("#done")).to_be_visible()
        height -= 40  # a phone's bar comes or goes while the map is hidden
        agent.set_viewport_size({"width": 390, "height": height})
        agent.click("#next")
        agent.click(".leaflet-control-zoom-in")
        until(agent, "() => document.querySelector('.map-commune').getBoundingClientRect().width > 200")
    first, second = _stored(engine)
    assert [first["description"], second["description"]] == ["premier", "second"]
    assert first["category_code"] == second["category_code"] == "overflowing_bin"
    assert first["id"] != second["id"]


def test_double_tap_stores_once(agent: Page, engine: Engine) -> None:
    _open(agent)
    _two_taps(agent)
    _tap_map(agent)
    agent.evaluate(
        "() => { const b = document.querySelector('#submit'); b.click(); b.click(); b.form.requestSubmit(); }"
    )
    expect(agent.locator("#done")).to_be_visible()
    assert len(_stored(engine)) == 1


def test_severity_that_was_chosen_is_kept(agent: Page) -> None:
    _open(agent)
    agent.click("label:has(input[name=severity][value='4'])")
    _two_taps(agent)
    expect(agent.locator("input[name=severity]:checked")).to_have_value("4")


def test_position_of_the_phone_with_its_accuracy(open_page: Callable[..., Page], engine: Engine) -> None:
    here = {"longitude": CENTRE_LON, "latitude": CENTRE_LAT, "accuracy": 12}
    page = open_page("agent@demo.quietude", geolocation=here, permissions=["geolocation"])
    _open(page)
    _two_taps(page)
    page.click("#locate")
    expect(page.locator("#place-status")).to_contain_text("12")
    expect(page.locator(".map-accuracy")).to_be_attached()
    page.click("#submit")
    expect(page.locator("#done")).to_be_visible()
    (stored,) = _stored(engine)
    assert (stored["lon"], stored["lat"]) == (CENTRE_LON, CENTRE_LAT)


def test_refused_position_says_what_else_to_do(agent: Page) -> None:
    _open(agent)
    agent.click("#locate")
    expect(agent.locator("#place-status.danger")).to_be_visible()


def test_place_nearby_is_one_tap(agent: Page, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        stop = uow.connection.execute(
            text("SELECT id, ST_X(geom_4326) AS lon, ST_Y(geom_4326) AS lat FROM place WHERE kind = 'stop' LIMIT 1")
        ).one()
    _open(agent)
    _two_taps(agent)
    _fill_coordinates(agent, f"{stop.lon:.6f}", f"{stop.lat:.6f}")
    agent.locator("#lat").blur()
    chip = agent.locator(f".chip[data-id='{stop.id}']")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    agent.click("#submit")
    expect(agent.locator("#done")).to_be_visible()
    assert _stored(engine)[0]["place_id"] == stop.id


def test_what_is_missing_is_said_before_sending(agent: Page, engine: Engine) -> None:
    _open(agent)
    agent.click("#submit")
    expect(agent.locator("#error-summary")).to_be_focused()
    expect(agent.locator("#error-summary li")).to_have_count(2)
    agent.locator("#error-summary a").first.click()
    expect(agent.locator("fieldset#category")).to_be_focused()
    assert _stored(engine) == []
    # Each line goes as soon as its field is right; with the last one the summary.
    _two_taps(agent)
    expect(agent.locator("#error-summary li")).to_have_text(
        ["Dites où c'est : utilisez votre position ou touchez la carte."]
    )
    expect(agent.locator("#category-error")).to_have_count(0)
    expect(agent.locator("fieldset#where")).to_have_attribute("aria-describedby", "where-error")
    expect(agent.locator("#where-error")).to_have_text("Dites où c'est : utilisez votre position ou touchez la carte.")
    _tap_map(agent)
    expect(agent.locator("#error-summary")).to_be_hidden()
    expect(agent.locator("#where-error")).to_have_count(0)
    expect(agent.locator(".block.invalid")).to_have_count(0)


def test_refusal_of_the_server_lands_at_its_field(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("422")
    _open(agent)
    _two_taps(agent)
    _tap_map(agent)
    agent.fill("#description", "voir <b>ici</b>")
    agent.click("#submit")
    expect(agent.locator("#error-summary")).to_be_focused()
    field = agent.locator("#description")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_attribute("aria-describedby", "description-hint description-error")
    expect(agent.locator("#description-error")).to_be_visible()
    agent.fill("#description", "voir <i>ici")
    expect(field).to_have_attribute("aria-invalid", "true")
    agent.fill("#description", "voir ici")
    expect(agent.locator("#error-summary")).to_be_hidden()
    expect(field).to_have_attribute("aria-describedby", "description-hint")
    expect(field).not_to_have_attribute("aria-invalid", re.compile(""))
    agent.click("#submit")
    expect(agent.locator("#done")).to_be_visible()
    assert [row["description"] for row in _stored(engine)] == ["voir ici"]


def test_swapped_coordinates_are_one_tap_to_put_right(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("422")
    _open(agent)
    _two_taps(agent)
    _fill_coordinates(agent, str(CENTRE_LAT), str(CENTRE_LON))
    agent.click("#submit")
    expect(agent.locator("#error-summary")).to_be_focused()
    agent.fill("#lon", str(CENTRE_LON))
    expect(agent.locator("#lat")).to_have_attribute("aria-invalid", "true")  # the other one is wrong still
    agent.fill("#lon", str(CENTRE_LAT))
    agent.click("#swap")
    expect(agent.locator("#lon")).to_have_value(str(CENTRE_LON))
    agent.click("#submit")
    expect(agent.locator("#done")).to_be_visible()
    assert _stored(engine)[0]["lat"] == CENTRE_LAT


def test_without_a_network_nothing_is_lost_and_nothing_doubled(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("ERR_FAILED|ERR_INTERNET_DISCONNECTED")
    _open(agent)
    _two_taps(agent)
    _tap_map(agent)
    agent.fill("#description", "sous le pont")

    # The worst case: the request arrives, its answer does not.
    def lose_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    agent.route("**/api/reports", lose_answer)
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Enregistré sur ce téléphone.")
    agent.unroute("**/api/reports")
    agent.evaluate("window.dispatchEvent(new Event('online'))")
    expect(agent.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
    assert [row["description"] for row in _stored(engine)] == ["sous le pont"]


def test_browser_that_keeps_nothing_believes_the_register_alone(agent: Page, engine: Engine, tmp_path: Path) -> None:
    """The sign-in page of a hotel's network says 200 to everything."""
    (tmp_path / "bac.jpg").write_bytes(jpeg(320, 240))
    agent.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); };")
    _open(agent)
    _two_taps(agent)
    _tap_map(agent)
    agent.set_input_files("#photos", tmp_path / "bac.jpg")
    for address in ("**/api/reports", "**/api/reports/*/photos"):
        agent.route(address, lambda route: route.fulfill(body="<h1>Bienvenue</h1>"), times=1)
    agent.click("#submit")
    expect(agent.locator("#failure")).to_contain_text("rien n'a été envoyé")
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
    agent.locator("#photo-direct").get_by_role("button", name="Réessayer").click()
    expect(agent.locator("#photo-direct [role=status]")).to_have_text("Toutes les photos sont envoyées.")
    assert len(_stored(engine)) == 1


def test_signing_in_again_elsewhere_lets_the_form_go_on(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("401|400")
    _open(agent)
    _two_taps(agent)
    _tap_map(agent)
    context: BrowserContext = agent.context
    session: Any = context.cookies()
    context.clear_cookies()
    agent.click("#submit")
    expect(agent.locator("#done-text")).to_contain_text("Vous n'êtes plus connecté")
    context.add_cookies(session)
    agent.evaluate("window.dispatchEvent(new Event('online'))")
    expect(agent.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
    assert len(_stored(engine)) == 1


def test_keyboard_alone(agent: Page, engine: Engine) -> None:
    _open(agent)
    agent.focus("button[data-theme=street]")
    agent.keyboard.press("Enter")
    agent.focus("input[value=pothole]")
    agent.keyboard.press("Space")
    agent.focus("#center")
    agent.keyboard.press("Enter")
    pin = agent.locator(".map-pin")
    expect(pin).to_be_focused()
    before = float(agent.locator("#lat").input_value())
    agent.keyboard.press("Shift+ArrowUp")
    after = float(agent.locator("#lat").input_value())
    assert (after - before) * 111_320 == pytest.approx(50, abs=0.5)
    expect(pin).to_be_focused()
    agent.focus("#description")
    agent.keyboard.type("au clavier")
    agent.keyboard.press("Tab")
    expect(agent.locator("#photos")).to_be_focused()
    for stop in ("#later summary", "#send-photo"):
        agent.keyboard.press("Tab")
        expect(agent.locator(stop)).to_be_focused()
    agent.keyboard.press("Tab")
    expect(agent.locator("#submit")).to_be_focused()
    agent.keyboard.press("Enter")
    expect(agent.locator("#done-title")).to_be_focused()
    assert _stored(engine)[0]["category_code"] == "pothole"


def test_without_javascript(open_page: Callable[..., Page], engine: Engine) -> None:
    page = open_page("agent@demo.quietude", java_script_enabled=False)
    page.goto("/reports/new")
    expect(page.locator("#map-part")).to_be_hidden()
    page.check("input[value=pothole]")
    page.fill("#lon", "2,2957")  # a French keyboard's comma
    page.fill("#lat", "49,8942")
    page.check("input[name=severity][value='3']")
    page.fill("#description", "devant l'école")
    page.click("#submit")
    expect(page.locator(".message.success")).to_be_visible()
    (stored,) = _stored(engine)
    assert (stored["category_code"], stored["severity"], stored["lon"]) == ("pothole", 3, 2.2957)


def test_without_javascript_errors_stand_at_their_fields_and_the_swap_works(
    open_page: Callable[..., Page], engine: Engine, watch: Watch
) -> None:
    watch.allow("422")
    page = open_page("agent@demo.quietude", java_script_enabled=False)
    page.goto("/reports/new")
    page.check("input[value=pothole]")
    page.fill("#lon", str(CENTRE_LAT))
    page.fill("#lat", str(CENTRE_LON))
    page.click("#submit")
    expect(page.locator("#lon")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#lon-error")).to_be_visible()
    expect(page.locator("input[type=radio][value=pothole]")).to_be_checked()
    page.click("#swap")
    expect(page.locator(".message.success")).to_be_visible()
    assert _stored(engine)[0]["lon"] == CENTRE_LON


# ── few taps, and nothing lost ──────────────────────────────────────────────────────────────────────────────────────


def _drafts(page: Page, count: int) -> None:
    """Wait until the phone has kept so much of the form (the form itself, its photos)."""
    script = """async () => {
        const { getAll } = await import('/static/js/offline-db.js');
        return (await getAll('drafts')).length;
    }"""
    for _ in range(100):
        if page.evaluate(script) == count:
            return
        page.wait_for_timeout(100)
    pytest.fail("no draft was kept")


def test_a_reload_gives_back_what_was_begun(agent: Page, engine: Engine, tmp_path: Path) -> None:
    picture = tmp_path / "banc.jpg"
    picture.write_bytes(jpeg(320, 240))
    _open(agent)
    _two_taps(agent)
    _tap_map(agent)
    agent.evaluate("""() => {
        window.put = IDBObjectStore.prototype.put;
        IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); };
    }""")
    agent.fill("#description", "banc")
    expect(agent.locator("#unkept")).to_contain_text("Ce téléphone est plein")
    agent.evaluate("() => { IDBObjectStore.prototype.put = window.put; }")
    agent.fill("#description", "banc cassé")
    expect(agent.locator("#unkept")).to_be_hidden()
    agent.set_input_files("#photos", picture)
    expect(agent.locator("#send-count")).to_have_text("1")
    lon = agent.input_value("#lon")
    _drafts(agent, 2)
    agent.reload()
    expect(agent.locator("#draft")).to_be_visible()
    expect(agent.locator("#description")).to_have_value("banc cassé")
    expect(agent.locator("input[value=overflowing_bin]")).to_be_checked()
    expect(agent.locator("[data-photo-list] li")).to_have_count(1)
    assert agent.input_value("#lon") == lon
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
    agent.click("#done-link")
    agent.wait_for_url("**/reports/*-*")
    agent.go_back()
    expect(agent.locator("#report-form.enhanced")).to_be_visible()
    agent.wait_for_load_state("networkidle")
    assert agent.locator("#report-form input:checked").count() == 0
    expect(agent.locator("#draft")).to_be_hidden()
    expect(agent.locator("#description")).to_have_value("")
    assert len(_stored(engine)) == 1


def test_each_form_keeps_what_is_its_own(agent: Page, engine: Engine, watch: Watch) -> None:
    """A draft that is open in two tabs becomes two reports; what was refused or thrown away disturbs no other form."""
    watch.allow("ERR_INTERNET_DISCONNECTED|422")
    _open(agent)
    _two_taps(agent)
    _tap_map(agent)
    agent.fill("#description", "voir <b>là")
    _drafts(agent, 1)
    other = agent.context.new_page()
    other.goto("/reports/new")
    expect(other.locator("#draft")).to_be_visible()
    agent.context.set_offline(True)
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Enregistré sur ce téléphone.")
    other.fill("#description", "autre chose")
    other.click("#submit")
    expect(other.locator("#done-title")).to_have_text("Enregistré sur ce téléphone.")
    agent.click("#next")
    agent.fill("#description", "le suivant")
    agent.context.set_offline(False)
    expect(other.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
    expect(agent.locator("#outbox-badge")).to_have_class("outbox-badge trouble")
    expect(agent.locator("#description")).to_have_value("le suivant")
    expect(agent.locator("#error-summary")).to_be_hidden()

    agent.context.set_offline(True)
    _two_taps(agent)
    _tap_map(agent)
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Enregistré sur ce téléphone.")
    other.evaluate(
        """async () => {
          const outbox = await import('/static/js/offline-outbox.js');
          const unsent = async () => (await outbox.list()).find(({ state }) => ['waiting', 'sending'].includes(state));
          for (let tries = 0; tries < 200; tries += 1) {
            const item = await unsent();
            if (!item) break;
            await outbox.discard(item.id).catch(() => {}); // another tab may just try to send it
          }
        }"""
    )
    expect(agent.locator("#failure")).to_contain_text("n'a pas été envoyé")
    agent.context.set_offline(False)
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
    assert [row["description"] for row in _stored(engine)] == ["autre chose", "le suivant"]


def test_another_one_here_keeps_the_point(agent: Page, engine: Engine) -> None:
    _open(agent)
    _two_taps(agent)
    _tap_map(agent)
    agent.click("#submit")
    agent.click("#here-again")
    agent.click("button[data-theme=street]")
    agent.click("label:has(input[value=pothole])")
    agent.click("#submit")
    expect(agent.locator("#done")).to_be_visible()
    first, second = _stored(engine)
    assert (first["lon"], first["lat"]) == (second["lon"], second["lat"])
    assert first["category_code"] != second["category_code"]


def test_phrases_are_ticked_into_the_text(agent: Page) -> None:
    _open(agent)
    _two_taps(agent)
    agent.click("#phrases >> text=Verre brisé")
    agent.click("#phrases >> text=Sur le trottoir")
    expect(agent.locator("#description")).to_have_value("Verre brisé. Sur le trottoir.")
    agent.click("#phrases >> text=Verre brisé")
    expect(agent.locator("#description")).to_have_value("Sur le trottoir.")
    expect(agent.locator("#phrases [aria-pressed=true]")).to_have_text("Sur le trottoir")
