"""Every page there is: WCAG 2.1 AA by axe, no sideways scroll, focus that shows, targets for a thumb, nothing moving.

The pages come from the application's own addresses: one that nobody lists here fails the first test.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.interventions.demo import load_demo_interventions
from app.patrols.demo import load_demo_patrols
from app.people.actor import SYSTEM
from app.reports.demo import load_demo
from tests.browser.conftest import DESKTOP, Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parents[2] / "app/web/static/node_modules/axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
# What machines read, files, pictures, parts of pages, and addresses that lead to another page.
NO_PAGE = re.compile(
    r"/(api|export|opendata|tiles|static|fs-static|open311|photos/<uuid:photo_id>(/thumb)?$|language)(/.+)?$|.*\.\w+$"
    r"|/(healthz|readyz|metrics)$|/map/(point|results|steps)$|.*<path:\w+>$"
)
# Shown in the middle of a second factor or of a reset only: tests/people walks through them.
ON_THE_WAY = {
    "/tf-validate",
    "/tf-select",
    "/tf-rescue",
    "/mf-recovery",
    "/mf-recovery-codes",
    "/reset/<token>",
    "/verify",
}


@dataclass(frozen=True)
class Visit:
    """Who looks at a page, and a query that finds what stands in its address or after it."""

    who: str
    path: str = ""
    find: str = ""


AGENT, PARTNER, COORDINATOR, PLANNER = "agent", "bailleur", "coordinator", "planner"
_REPORT = "SELECT id FROM report WHERE duplicate_of IS NULL ORDER BY received_at DESC LIMIT 1"
_INTERVENTION = (
    "SELECT intervention.id FROM intervention JOIN account USING (organisation_id)"
    " WHERE email = 'bailleur@demo.quietude' AND state IN ('planned', 'in_progress', 'done')"
    " ORDER BY intervention.id LIMIT 1"
)
PAGES = {
    "/": Visit(AGENT),
    "/accessibility": Visit(""),
    "/donnees-ouvertes": Visit(""),
    "/api/": Visit(""),
    "/account": Visit(PLANNER),
    "/account/notifications": Visit(PARTNER),
    "/change": Visit(AGENT),
    "/dashboard": Visit(COORDINATOR),
    "/desk": Visit(PARTNER),
    "/desk/texts": Visit(COORDINATOR),
    "/desk/tfpb": Visit(PARTNER),
    "/export/": Visit(PLANNER),
    "/interventions": Visit(PARTNER),
    "/interventions/<uuid:intervention_id>": Visit(PARTNER, "/interventions/{}", _INTERVENTION),
    "/interventions/<uuid:intervention_id>/edit": Visit(PARTNER, "/interventions/{}/edit", _INTERVENTION),
    "/interventions/calendar": Visit(PARTNER),
    "/interventions/map": Visit(PARTNER),
    "/interventions/new": Visit(PARTNER),
    "/login": Visit(""),
    "/map": Visit(PARTNER),
    "/organisations/<slug>/notifications": Visit(PARTNER, "/organisations/bailleur-social-demo/notifications"),
    "/organisations/<slug>/notifications/log": Visit(PARTNER, "/organisations/bailleur-social-demo/notifications/log"),
    "/imports": Visit(PARTNER),
    "/near": Visit(AGENT),
    "/offline": Visit(""),
    "/offline/shell": Visit("", "/offline/shell?page=/reports/new&lang={}", "SELECT 'fr'"),
    "/ogc/": Visit(PLANNER),
    "/ogc/api": Visit(PLANNER, "/ogc/api?f=html"),
    "/ogc/collections": Visit(PLANNER),
    "/ogc/collections/<collection_id>": Visit(PLANNER, "/ogc/collections/reports"),
    "/ogc/collections/<collection_id>/items": Visit(PLANNER, "/ogc/collections/reports/items"),
    "/ogc/collections/<collection_id>/items/<feature_id>": Visit(PLANNER, "/ogc/collections/reports/items/{}", _REPORT),
    "/ogc/collections/<collection_id>/queryables": Visit(PLANNER, "/ogc/collections/reports/queryables"),
    "/ogc/collections/<collection_id>/schema": Visit(PLANNER, "/ogc/collections/reports/schema"),
    "/ogc/conformance": Visit(PLANNER),
    "/open311/": Visit("admin"),
    "/outbox": Visit(AGENT),
    "/patrols": Visit(AGENT),
    "/patrols/<uuid:patrol_id>": Visit(
        COORDINATOR, "/patrols/{}", "SELECT id FROM patrol ORDER BY planned_at DESC LIMIT 1"
    ),
    "/patrols/new": Visit(COORDINATOR),
    "/reports": Visit(AGENT),
    "/reports/<uuid:report_id>": Visit(PARTNER, "/reports/{}", _REPORT),
    "/reports/merge": Visit(
        COORDINATOR,
        "/reports/merge?ids={}",
        "SELECT string_agg(id::text, '&ids=') FROM (SELECT id FROM report WHERE state = 'new' LIMIT 2) AS two",
    ),
    "/reports/new": Visit(AGENT),
    "/reset": Visit(""),
    "/routing": Visit(COORDINATOR),
    "/routing/new": Visit(COORDINATOR),
    "/routing/try": Visit(COORDINATOR),
    "/tf-setup": Visit(AGENT),
}
# Elsewhere with data of their own: a bulk move, a photo, a rule.
TESTED_ELSEWHERE = {
    "/desk/moves/<uuid:bulk_id>": "tests/browser/test_desk.py",
    "/imports/<uuid:batch_id>": "tests/imports/test_walk.py",
    "/photos/<uuid:photo_id>/cover": "tests/browser/test_photos.py",
    "/routing/<int:rule_id>": "tests/browser/test_pages.py",
}

UNDER_A_THUMB = """() => {
  const small = [];
  const wanted = 'button, select, summary, input:not([type=hidden]), textarea, nav a, a.button, [role=button]';
  for (const e of document.querySelectorAll(wanted)) {
    const own = e.getBoundingClientRect(), style = getComputedStyle(e);
    const boxes = [own, ...[...(e.labels || [])].map((label) => label.getBoundingClientRect())];
    const seen = boxes.filter((b) => b.width > 1 && b.height > 1);
    if (!seen.length || style.visibility === 'hidden' || style.display === 'none') continue;
    if (e.closest('.leaflet-control-attribution')) continue;
    const width = Math.max(...seen.map((b) => b.right)) - Math.min(...seen.map((b) => b.left));
    const height = Math.max(...seen.map((b) => b.height));
    if (height >= 43.5 && width >= 43.5) continue;
    // Something invisible around it may take the touch.
    e.scrollIntoView({block: 'center'});
    const box = e.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
    const around = [[-21, 0], [21, 0], [0, -21], [0, 21]];
    if (around.every(([dx, dy]) => document.elementFromPoint(x + dx, y + dy) === e)) continue;
    small.push(`small target ${Math.round(width)}×${Math.round(height)}: ${e.outerHTML.slice(0, 120)}`);
  }
  return small.slice(0, 5);
}"""
SHOWS_FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const target = [e, e.labels && e.labels[0], e.parentElement, e.nextElementSibling].filter(Boolean);
  const shows = target.some((x) => { const s = getComputedStyle(x);
    return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none'; });
  return shows ? '' : `focus does not show: ${e.outerHTML.slice(0, 120)}`;
}"""
MOVES = """() => document.getAnimations().filter((a) => {
  const t = a.effect.getComputedTiming(); return a.playState === 'running' && t.duration > 100;
}).length"""


def test_no_page_is_forgotten(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = {rule for rule in rules if not NO_PAGE.match(rule) or rule in PAGES}
    assert pages == set(PAGES) | set(TESTED_ELSEWHERE) | ON_THE_WAY


@pytest.fixture
def paths(live_server: str, engine: Engine) -> dict[str, list[str]]:
    """The addresses to visit by who visits them, on a small synthetic register."""
    now = datetime.now(UTC)
    load_demo(engine, lambda _line: None, now=now, count=80)
    load_demo_interventions(engine, lambda _line: None, now=now)
    load_demo_patrols(engine, lambda _line: None, now=now)
    found: dict[str, list[str]] = {}
    with unit_of_work(engine, SYSTEM) as uow:
        for rule, visit in PAGES.items():
            path = visit.path or rule
            if visit.find:
                value = uow.connection.scalar(text(visit.find))
                assert value is not None, rule
                path = path.format(value)
            found.setdefault(visit.who, []).append(path)
    return found


def _wrong(page: Page, path: str) -> list[str]:
    answer = page.goto(path)
    assert answer is not None
    wrong = [] if answer.status == 200 else [f"status {answer.status}"]
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE.read_text())
    found = page.evaluate("(tags) => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG)
    wrong += [
        f"{v['id']}: {n['html'][:160]} {n['failureSummary'][:200]}" for v in found["violations"] for n in v["nodes"]
    ]
    for width in (320, 640):  # 400 % and 200 % of 1280
        page.set_viewport_size({"width": width, "height": 740})
        if (actual := page.evaluate("document.documentElement.scrollWidth")) > width:
            wrong.append(f"scrolls sideways at {width} px: {actual}")
    wrong += page.evaluate(UNDER_A_THUMB)
    if page.evaluate(MOVES):
        wrong.append("moves although less motion was asked for")
    for _ in range(12):
        page.keyboard.press("Tab")
        if said := page.evaluate(SHOWS_FOCUS):
            wrong.append(said)
    return wrong


@pytest.mark.parametrize(("scheme", "language"), [("light", "fr"), ("dark", "en")])
def test_each_page(
    open_page: Callable[..., Page], watch: Watch, paths: dict[str, list[str]], scheme: str, language: str
) -> None:
    wrong: list[str] = []
    for who, visited in paths.items():
        email = f"{who}@demo.quietude" if who else None
        page = open_page(email, color_scheme=scheme, viewport=DESKTOP, reduced_motion="reduce")
        if language == "en":
            page.goto("/language/en")
        for path in visited:
            page.set_viewport_size(DESKTOP)
            if found := _wrong(page, path):
                wrong += [f"{path}: {what}" for what in found]
            if "lang=" not in path:
                assert page.evaluate("document.documentElement.lang") == language
    assert not wrong, "\n".join(wrong)
