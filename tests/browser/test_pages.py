"""Every page: no error, no foreign request, WCAG 2.1 AA by axe, nothing wider than a small phone, both languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, DESKTOP, PHONE, Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parents[2] / "app/web/static/node_modules/axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
FOR_ALL = ["/", "/login", "/reset", "/accessibility", "/map", "/nothing-here"]
SIGNED_IN = [
    "/",
    "/reports",
    "/reports?state=rejected",
    "/reports/new",
    "/map",
    "/account",
    "/change",
    "/tf-setup",
    "/nothing-here",
]
INTERVENTIONS = ["/interventions", "/interventions/calendar", "/interventions/map", "/interventions/new"]
NOTIFICATIONS = "/organisations/bailleur-social-demo/notifications"
OF_ROLES = {
    "bailleur": [*INTERVENTIONS, "/desk/tfpb", NOTIFICATIONS, f"{NOTIFICATIONS}/log"],
    "admin": ["/open311/"],
    "coordinator": [*INTERVENTIONS, "/routing", "/routing/new", "/routing/try", "/desk/tfpb"],
}
SCHEMES = ["light", "dark"]


def _violations(page: Page) -> list[str]:
    # Injected through the debugger, so that the page's own policy stays as strict as it is.
    page.evaluate(AXE.read_text())
    found = page.evaluate("(tags) => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG)
    return [
        f"{v['id']}: {n['html'][:160]} {n['failureSummary'][:300]}" for v in found["violations"] for n in v["nodes"]
    ]


def _settle(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")


def _check(page: Page, path: str) -> list[str]:
    """What is wrong with a page at its present width, and at 360 px."""
    _settle(page, path)
    wrong = _violations(page)
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    if page.evaluate("document.documentElement.scrollWidth") > 360:
        wrong.append("scrolls sideways at 360 px")
    assert size is not None
    page.set_viewport_size(size)
    return wrong


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_for_all(open_page: Callable[..., Page], watch: Watch, scheme: str) -> None:
    watch.allow("404")
    page = open_page(color_scheme=scheme)
    assert {path: wrong for path in FOR_ALL if (wrong := _check(page, path))} == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_for_an_agent(open_page: Callable[..., Page], watch: Watch, scheme: str) -> None:
    watch.allow("404")
    page = open_page("agent@demo.quietude", color_scheme=scheme, viewport=DESKTOP)
    assert {path: wrong for path in SIGNED_IN if (wrong := _check(page, path))} == {}


@pytest.mark.parametrize(("role", "scheme"), [("bailleur", "dark"), ("coordinator", "light"), ("admin", "dark")])
def test_pages_of_a_role(open_page: Callable[..., Page], role: str, scheme: str) -> None:
    page = open_page(f"{role}@demo.quietude", color_scheme=scheme)
    assert {path: wrong for path in OF_ROLES[role] if (wrong := _check(page, path))} == {}


def _report(page: Page, **more: Any) -> str:
    report_id = str(uuid4())
    body = {"id": report_id, "category": "graffiti", "lon": CENTRE_LON, "lat": CENTRE_LAT, **more}
    token = page.request.get("/api/session").json()["csrf_token"]
    answer = page.request.post("/api/reports", data=body, headers={"X-CSRFToken": token})
    assert answer.status == 201, answer.text()
    return report_id


@pytest.mark.parametrize("scheme", SCHEMES)
def test_list_and_page_of_a_report(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page("agent@demo.quietude", color_scheme=scheme)
    report_id = _report(page, description="Sur le mur du gymnase, " + "très" * 40)
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        assert _check(page, "/reports") == []
        assert _check(page, f"/reports/{report_id}") == []
    expect(page.locator(".timeline li")).to_have_count(1)
    expect(page.locator(".map-pin")).to_be_visible()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_form_filled_in_refused_and_done(open_page: Callable[..., Page], watch: Watch, scheme: str) -> None:
    watch.allow("422")
    page = open_page("agent@demo.quietude", color_scheme=scheme)
    _settle(page, "/reports/new")
    page.click("button[data-theme=tranquillity]")
    assert _violations(page) == []
    page.click("label:has(input[value=noise])")
    page.click("#center")
    page.fill("#description", "<script>")
    page.click("#submit")
    expect(page.locator("#error-summary")).to_be_visible()
    assert _violations(page) == []
    page.fill("#description", "la nuit")
    page.click("#submit")
    expect(page.locator("#done")).to_be_visible()
    assert _violations(page) == []


def test_list_pages_go_on_to_the_last_report(agent: Page, engine: Engine, watch: Watch) -> None:
    report_id = _report(agent)
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text(
                "INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at,"
                " received_at, reporter_organisation_id) SELECT gen_random_uuid(), category_code, geom_4326, cell_25m,"
                " severity, visibility, observed_at, received_at - n * interval '1 minute', reporter_organisation_id"
                " FROM report, generate_series(1, 60) AS n WHERE id = :id"
            ),
            {"id": report_id},
        )
    agent.goto("/reports")
    expect(agent.locator("tbody tr")).to_have_count(50)
    agent.click("a[rel=next]")
    expect(agent.locator("tbody tr")).to_have_count(11)
    expect(agent.locator("a[rel=next]")).to_have_count(0)


def test_start_page_counts_what_the_reader_may_see(agent: Page, engine: Engine) -> None:
    open_id, late_id = _report(agent), _report(agent)
    with unit_of_work(engine, SYSTEM) as uow:
        late = text("UPDATE report SET due_at = now() - interval '1 hour' WHERE id = :id")
        uow.connection.execute(late, {"id": late_id})
        old = text("UPDATE report SET received_at = now() - interval '8 days' WHERE id = :id")
        uow.connection.execute(old, {"id": open_id})
    agent.goto("/")
    assert agent.locator(".figures dd").all_inner_texts() == ["1", "2", "1"]


def test_filter_narrows_the_list(agent: Page) -> None:
    _report(agent)
    _report(agent, category="pothole")
    agent.goto("/reports")
    agent.click(".filters summary")
    agent.select_option("#theme", "street")
    agent.click(".filters button[type=submit]")
    expect(agent.locator("tbody tr")).to_have_count(1)
    expect(agent.locator("#theme")).to_have_value("street")


def test_language_switch_stays_on_the_page(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/accessibility?from=mail")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.click(".language a")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.url.endswith("/accessibility?from=mail")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_second_factor_pages(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page("agent@demo.quietude", color_scheme=scheme)
    page.goto("/tf-setup")
    assert _violations(page) == []
    page.check("form[name=two_factor_setup_form] input[type=radio]")
    page.click("form[name=two_factor_setup_form] button[type=submit]")
    expect(page.locator(".qr img")).to_be_visible()
    assert _violations(page) == []
    assert _check(page, "/mf-recovery-codes") == []


def test_skip_link_is_the_first_stop(agent: Page) -> None:
    agent.goto("/reports")
    agent.keyboard.press("Tab")
    expect(agent.locator(".skip")).to_be_focused()
    agent.keyboard.press("Enter")
    expect(agent.locator("#main")).to_be_focused()


def test_sign_in_refused_says_so_and_sign_out_works(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/login")
    page.fill("input[name=email]", "agent@demo.quietude")
    page.fill("input[name=password]", "wrong")
    page.click("form[name=login_user_form] button[type=submit]")
    expect(page.locator("main .error, main .message.danger").first).to_be_visible()
    assert _violations(page) == []


def test_sign_out_from_the_menu(agent: Page) -> None:
    agent.goto("/")
    agent.click(".menu summary")
    assert _violations(agent) == []
    agent.click(".menu-panel button")
    expect(agent.locator(".menu")).to_have_count(0)


@pytest.mark.parametrize("role", ["planner", "admin"])
def test_who_may_not_report_is_not_invited_to(open_page: Callable[..., Page], role: str) -> None:
    page = open_page(f"{role}@demo.quietude")
    for path in ("/", "/reports"):
        page.goto(path)
        expect(page.locator("a[href='/reports/new']")).to_have_count(0)


def test_error_page_of_a_broken_server_asks_the_database_nothing(app: Flask, client: FlaskClient) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("broken on purpose")

    answer = client.get("/broken", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    assert "menu-panel" not in answer.text
