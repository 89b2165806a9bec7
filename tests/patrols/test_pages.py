"""The pages of patrols without JavaScript: planned, walked stop by stop, ended, printed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.interventions.conftest import Browser
from tests.patrols.samples import passage
from tests.photos.conftest import added
from tests.routing.world import World, body_at

Browse = Callable[[str], Browser]
Send = Callable[..., Any]


def start(browser: Browser, world: World, *places: str, **form: Any) -> str:
    """Make a patrol with the form; the address of its page."""
    ids = [str(world.places[name]) for name in places]
    values = {"id": str(uuid4()), "kind": "round", "places": ids, "do": "start"} | form
    answer = browser.post("/patrols/new", "/patrols/new", **values)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_a_place_is_searched_and_chosen_ones_stay(browse: Browse, world: World) -> None:
    agent = browse("hlm-a-agent")
    page = agent.get("/patrols/new").text
    assert "residence a" in page, "its own places come without a search"
    form = {"id": str(uuid4()), "kind": "round", "places": str(world.places["a"]), "do": "search"}
    found = agent.post("/patrols/new", "/patrols/new", **form | {"place_kind": "stop", "q": "STO"}).text
    assert re.search(rf'value="{world.places["a"]}" checked', found)
    assert re.search(rf'value="{world.places["stop"]}"><label[^>]*>stop stop', found)
    around = agent.post("/patrols/new", "/patrols/new", **form | {"place_kind": "residence", "q": "d east"}).text
    assert re.search(r"residence b <span[^>]*>neighbourhood east", around), "by its neighbourhood's name"
    assert "Aucun lieu ne correspond" in agent.post("/patrols/new", "/patrols/new", **form | {"q": "100%_"}).text


def test_the_stops_come_in_the_order_of_a_short_way(browse: Browse, world: World) -> None:
    page = start(browse("city"), world, "a", "b-door", "b", "a-door", short_way="1")
    text_of = browse("city").get(page).text
    names = re.findall(r"\d · (residence [\w-]+)", text_of)
    assert list(dict.fromkeys(names)) == ["residence a", "residence b", "residence a-door", "residence b-door"]


def test_points_that_are_no_place(browse: Browse, world: World) -> None:
    agent = browse("hlm-a-agent")
    page = start(agent, world, "a", points="2,3030 49,8950  Passage sous l'immeuble\n\n2.3031;49.8951;Square")
    seen = agent.get(page).text
    assert "2 · Passage sous l&#39;immeuble" in seen
    assert "3 · Square" in seen
    again = agent.get(f"/patrols/new?from={page.rpartition('/')[2]}").text
    assert "2.303000 49.895000 Passage sous" in again, "planned again with its points"
    for wrong, field in (("Square", "points"), ("2.3 49.9", "points"), ("4.0 45.0 Ailleurs", "stops")):
        form = {"id": str(uuid4()), "kind": "round", "points": wrong, "do": "plan"}
        refused = agent.post("/patrols/new", "/patrols/new", **form)
        assert refused.status_code == 422
        assert f'id="{field}-error"' in refused.text, wrong


def test_nothing_to_report_at_one_stop_and_a_report_at_the_next(browse: Browse, world: World, engine: Engine) -> None:
    agent = browse("hlm-a-agent")
    page = start(agent, world, "a", "stop")
    assert "0 sur 2" in agent.get(page).text
    done = agent.post(f"{page}/passages", page, id=str(uuid4()), stop="1", outcome="nothing")
    assert (done.status_code, done.headers["Location"]) == (303, f"{page}#next")
    assert "1 sur 2" in agent.get(page).text
    found = agent.post(f"{page}/passages", page, id=str(uuid4()), stop="2", outcome="found")
    form = found.headers["Location"]
    assert form.startswith("/reports/new?")
    assert "Terminer le signalement" in agent.get(page).text, "the report is not there yet"
    given = {name: values[0] for name, values in parse_qs(urlsplit(form).query).items()}
    assert given["place_id"] == str(world.places["stop"])
    assert given["return"] == page
    filled = {name: given[name] for name in ("id", "lon", "lat", "place_id")}
    sent = agent.post("/reports/new", form, **filled | {"category": "damaged_shelter", "return_to": given["return"]})
    assert (sent.status_code, sent.headers["Location"]) == (303, page)
    seen = agent.get(page).text
    assert "Terminer le signalement" not in seen
    assert f"/reports/{given['id']}" in seen
    assert f'href="{page}"' in agent.get(f"/reports/{given['id']}").text, "the report says on which round it was made"
    with unit_of_work(engine, SYSTEM) as uow:
        query = text("SELECT place_id FROM report WHERE id = :id")
        assert uow.connection.scalar(query, {"id": given["id"]}) == world.places["stop"]


def test_one_observation_after_the_other_on_a_walk(browse: Browse, world: World, engine: Engine) -> None:
    agent = browse("agent")
    page = start(agent, world, "a", kind="walk", people_residents="5", people_elected="1")
    assert "Habitants 5" in agent.get(page).text
    ids = {"id": str(uuid4()), "report_id": str(uuid4())}
    observed = {"stop": "1", "category": "street_light_out", "severity": "3", "description": "Mât sans lumière"}
    done = agent.post(f"{page}/observations", page, **ids | observed | {"do": "found"})
    assert done.status_code == 303, done.text
    assert done.headers["Location"] == f"{page}?stop=1#observe"
    again = agent.post(f"{page}/observations", page, **ids | observed | {"do": "found"})
    assert again.status_code == 303, "sent twice, stored once"
    where = {"id": str(uuid4()), "lon": "2,3023", "lat": "49,8948", "do": "nothing"}
    assert agent.post(f"{page}/observations", page, **where).status_code == 303
    with unit_of_work(engine, SYSTEM) as uow:
        query = text("SELECT outcome FROM patrol_passage ORDER BY recorded_at")
        assert list(uow.connection.scalars(query)) == ["found", "nothing"]
        assert uow.connection.scalar(text("SELECT severity FROM report")) == 3


def test_a_refused_observation_stores_neither_report_nor_passage(browse: Browse, world: World, engine: Engine) -> None:
    agent = browse("agent")
    page = start(agent, world, kind="free")
    ids = {"id": str(uuid4()), "report_id": str(uuid4()), "do": "found"}
    for wrong in ({}, {"lon": "2.3022", "lat": "49.8947"}, {"lon": "4", "lat": "45", "category": "graffiti"}):
        answer = agent.post(f"{page}/observations", page, **ids | wrong)
        assert answer.status_code == 422
        assert 'class="message danger" role="alert"' in answer.text
    with unit_of_work(engine, SYSTEM) as uow:
        assert uow.connection.scalar(text("SELECT count(*) FROM patrol_passage")) == 0
        assert uow.connection.scalar(text("SELECT count(*) FROM report")) == 0


def test_ended_rounds_say_what_was_not_looked_at(browse: Browse, world: World) -> None:
    agent = browse("hlm-a-agent")
    page = start(agent, world, "a", "b")
    agent.post(f"{page}/passages", page, id=str(uuid4()), stop="1", outcome="nothing")
    ended = agent.post(f"{page}/moves", page, move="finish", version="1", note="Hall repeint")
    assert ended.status_code == 303
    seen = agent.get(page).text
    assert "Non regardé" in seen
    assert "Hall repeint" in seen
    assert "Planifier la même tournée" in seen
    assert 'name="outcome"' not in seen
    again = agent.get(f"/patrols/new?from={page.rpartition('/')[2]}").text
    assert len(re.findall(r'name="places" value="\d+" checked', again)) == 2
    assert agent.post(f"{page}/passages", page, id=str(uuid4()), stop="2", outcome="nothing").status_code == 409


def test_a_passage_is_taken_back(browse: Browse, world: World) -> None:
    agent = browse("hlm-a-agent")
    page, known = start(agent, world, "a"), str(uuid4())
    agent.post(f"{page}/passages", page, id=known, stop="1", outcome="nothing")
    assert agent.post(f"{page}/passages", page, id=str(uuid4()), stop="1", outcome="nothing").status_code == 303
    assert agent.post(f"{page}/take-back", page, passage=known).location == f"{page}#passages"
    again = re.findall(r'name="passage" value="([^"]+)"', agent.get(page).text)
    assert [agent.post(f"{page}/take-back", page, passage=one).location for one in again] == [f"{page}#stop-1"]
    assert "0 sur 1" in agent.get(page).text
    assert agent.post(f"{page}/take-back", page, passage="x").status_code == 404


def test_every_page_to_every_role(browse: Browse, going: dict[str, Any]) -> None:
    page = f"/patrols/{going['id']}"
    expected = {
        "/patrols": {"hlm-a": 200, "hlm-b": 200, "planner": 200, "coordinator": 200, "admin": 403},
        "/patrols/new": {"hlm-a": 200, "hlm-b": 200, "planner": 403, "coordinator": 200, "admin": 403},
        page: {"hlm-a": 200, "hlm-b": 404, "planner": 200, "coordinator": 200, "admin": 404},
        f"{page}/sheet.pdf": {"hlm-a": 200, "hlm-b": 404, "planner": 200},
        f"{page}/restitution.pdf": {"hlm-a": 200, "hlm-b": 404, "planner": 200},
        "/patrols/nonsense": {"hlm-a": 404},
        "/patrols/new?from=x": {"hlm-a": 400},
        f"/patrols/new?from={going['id']}": {"hlm-a": 200, "hlm-b": 404},
        "/patrols?state=x": {"hlm-a": 400},
    }
    browsers = {name: browse(name) for name in ("hlm-a", "hlm-b", "planner", "coordinator", "admin")}
    for path, statuses in expected.items():
        for name, status in statuses.items():
            assert browsers[name].get(path).status_code == status, (path, name)
    assert "Commencer maintenant" not in browsers["planner"].get(page).text
    assert 'name="outcome"' not in browsers["planner"].get(page).text, "who only looks gets no buttons"


def words_of(pdf: bytes) -> bytes:
    """What the compressed objects of a PDF hold."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return b"".join(zlib.decompressobj().decompress(one) for one in streams if one.startswith(b"x"))


def test_the_papers_are_tagged_pdfs_with_table_and_map(browse: Browse, send: Send, going: dict[str, Any]) -> None:
    page = f"/patrols/{going['id']}"
    assert send("hlm-a", "POST", f"/api{page}/passages", passage()).status_code == 201
    for paper in ("sheet.pdf", "restitution.pdf"):
        answer = browse("hlm-a").get(f"{page}/{paper}")
        assert answer.mimetype == "application/pdf"
        opened = words_of(answer.data)
        for mark in (b"/StructTreeRoot", b"/Table"):
            assert mark in opened, (paper, mark)
        assert set(re.findall(rb"/BaseFont\s*/\w+\+([\w-]+)", opened)) == {b"Sheet", b"Sheet-Bold"}


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The pages that are set as PDF with their pictures, taken before they are."""
    taken: list[tuple[str, Any]] = []

    def keep(page: str, files: object) -> bytes:
        taken.append((page, files))
        return b"%PDF"

    monkeypatch.setattr("app.patrols.sheets.make_pdf", keep)
    return taken


def test_what_is_restricted_is_not_handed_out(
    send: Send, going: dict[str, Any], browse: Browse, papers: list[tuple[str, Any]]
) -> None:
    """A passage that only found something restricted is not on it."""
    path = f"/api/patrols/{going['id']}/passages"
    for stop, category, description in ((1, "suspected_dealing", "Hall occupé"), (2, "graffiti", "Tag sur le mur")):
        report = body_at(0, id=str(uuid4()), category=category, description=description)
        assert send("hlm-a-agent", "POST", "/api/reports", report).status_code == 201, category
        sent = passage(stop, outcome="found", reports=[report["id"]], note=f"note {stop}")
        assert send("hlm-a-agent", "POST", path, sent).status_code == 201
    for name in ("hlm-a", "coordinator"):
        browse(name).get(f"/patrols/{going['id']}/restitution.pdf")
        assert "Tag sur le mur" in papers[-1][0]
        assert "note 2" in papers[-1][0]
        assert "Hall occupé" not in papers[-1][0]
        assert "note 1" not in papers[-1][0], "that there was something says enough"
        assert "1 constat à accès restreint" in papers[-1][0]


def test_published_photos_are_handed_out_and_hidden_ones_are_not(
    send: Send, client: FlaskClient, going: dict[str, Any], world: World, papers: list[tuple[str, Any]]
) -> None:
    report = body_at(0, id=str(uuid4()), category="graffiti")
    send("hlm-a-agent", "POST", "/api/reports", report)
    found = passage(1, outcome="found", reports=[report["id"]])
    send("hlm-a-agent", "POST", f"/api/patrols/{going['id']}/passages", found)
    shown, _hidden = (added(client, report["id"], world.headers("hlm-a-agent")) for _ in range(2))
    restitution = f"/patrols/{going['id']}/restitution.pdf"
    assert send("hlm-a-agent", "GET", restitution).status_code == 200
    assert papers[-1][1] == {}
    send("hlm-a-agent", "PATCH", f"/api/photos/{shown}", {"state": "published"})
    send("hlm-a-agent", "GET", restitution)
    page, files = papers[-1]
    assert [kind for _content, kind in files.values()] == ["image/jpeg"]
    assert [content[:2] for content, _kind in files.values()] == [b"\xff\xd8"]
    assert 'alt="Photo au numéro 1' in page
