"""The pages: forms without JavaScript, three ways to look at many, one with its history and photos."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from app.interventions.calendar import shifted, span, weeks_of
from tests.interventions.samples import body
from tests.reports.samples import LAT, LON
from tests.reports.samples import body as report_body

Send = Callable[..., Any]
FORM = {"kind": "repair", "shape": "point", "geometry": f"{LON} {LAT}", "planned_start": "2026-06-01T08:00"}


def test_from_a_report_to_a_repaired_place(send: Send, browse: Callable[[str], Any], places: dict[str, int]) -> None:
    sent = report_body(category="broken_entrance", place_id=places["residence"])
    report = send("agent", "POST", "/api/reports", sent).json["id"]
    landlord = browse("bailleur")
    assert f"/interventions/new?report={report}" in landlord.get(f"/reports/{report}").text
    form = landlord.get(f"/interventions/new?report={report}").text
    assert f'value="{report}" checked' in form
    assert f"{LON} {LAT}" in form
    page = f"/interventions/new?report={report}"
    made = landlord.post("/interventions/new", page, id=str(uuid4()), reports=report, cost_eur="1 250,50 €", **FORM)
    assert made.status_code == 303, made.text
    path = made.headers["Location"]
    shown = landlord.get(path).text
    assert "1 250,50" in shown.replace("\u202f", " ").replace("\u00a0", " ")
    assert report in shown
    done = landlord.post(f"{path}/moves", path, move="finish", version="1", resolve=report, text="Serrure changée")
    assert done.status_code == 303, done.text
    assert "1 signalement résolu en même temps" in landlord.get(path).text
    assert send("agent", "GET", f"/api/reports/{report}").json["state"] == "resolved"
    assert path in browse("agent").get(f"/reports/{report}").text


def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(browse: Callable[[str], Any]) -> None:
    wrong = FORM | {
        "shape": "area",
        "geometry": "2,3 49,9\n2,31 49,9",
        "description": "ma <b>phrase",
        "teams": "technical",
    }
    answer = browse("bailleur").post("/interventions/new", "/interventions/new", id=str(uuid4()), **wrong)
    assert answer.status_code == 422
    assert "Il faut deux points différents pour une ligne, trois pour une zone." in answer.text
    assert "ma &lt;b&gt;phrase" in answer.text
    assert "2,31 49,9" in answer.text
    assert re.search(r'value="area" checked', answer.text)
    assert re.search(r'value="technical" checked', answer.text)


def test_changed_on_its_page(send: Send, browse: Callable[[str], Any], planned: dict[str, Any]) -> None:
    landlord, path = browse("bailleur"), f"/interventions/{planned['id']}"
    form = landlord.get(f"{path}/edit").text
    assert 'value="2026-06-01T08:00"' in form, "local time"
    changed = FORM | {"kind": "lighting", "version": "1"}
    assert landlord.post(f"{path}/edit", f"{path}/edit", **changed).status_code == 303
    late = landlord.post(f"{path}/edit", f"{path}/edit", **changed)
    assert late.status_code == 409
    assert "entre-temps" in late.text
    assert browse("ametis").get(f"{path}/edit").status_code == 404
    assert browse("ametis").post(f"{path}/edit", path, **changed | {"version": "2"}).status_code in {400, 403}


def test_a_report_is_linked_by_its_address(send: Send, browse: Callable[[str], Any], planned: dict[str, Any]) -> None:
    report = send("agent", "POST", "/api/reports", report_body()).json["id"]
    landlord, path = browse("bailleur"), f"/interventions/{planned['id']}"
    typed = f"http://localhost/reports/{report}"
    assert landlord.post(f"{path}/reports", path, reports=typed).status_code == 303
    assert report in landlord.get(path).text
    assert landlord.post(f"{path}/reports", path, reports="rien").status_code == 422
    assert landlord.post(f"{path}/reports", path, unlink=report).status_code == 303
    assert f"/reports/{report}" not in landlord.get(path).text


def test_before_and_after(browse: Callable[[str], Any], planned: dict[str, Any]) -> None:
    landlord, path = browse("bailleur"), f"/interventions/{planned['id']}"
    for stage, colour in (("before", "brown"), ("after", "green")):
        assert 'id="pair"' not in landlord.get(path).text
        picture = io.BytesIO()
        Image.new("RGB", (80, 60), colour).save(picture, "JPEG")
        photo = (io.BytesIO(picture.getvalue()), "place.jpg")
        added = landlord.post(f"{path}/before-after", path, stage=stage, photo=photo)
        assert added.status_code == 303, added.text
    shown = landlord.get(path).text
    assert 'id="pair-range"' in shown
    assert shown.index('class="badge">Avant') < shown.index('class="badge done">Après')
    assert 'id="pair"' not in browse("ametis").get(path).text, "nothing is published yet"
    text = (io.BytesIO(b"<svg/>"), "x.jpg")
    assert landlord.post(f"{path}/before-after", path, stage="after", photo=text).status_code == 422


def test_ways_to_look(send: Send, browse: Callable[[str], Any], planned: dict[str, Any]) -> None:
    send("coordinator", "POST", "/api/interventions", body(visibility="restricted", kind="presence"))
    reader = browse("planner")
    for path in ("/interventions", "/interventions/calendar?month=2026-06", "/interventions/map"):
        shown = reader.get(path)
        assert shown.status_code == 200, path
        assert planned["id"] in shown.text, path
        assert shown.text.count('href="/interventions/') >= 2
        table = shown.text[shown.text.index("<table") :]
        assert "Présence sur le terrain" not in table, path
    assert "Aucune intervention ne correspond" in reader.get("/interventions?kind=works").text
    assert "Rien n'est prévu" in reader.get("/interventions/calendar?month=2026-01").text.replace("&#39;", "'")
    for wrong in ("/interventions?colour=1", "/interventions/calendar?month=13", "/interventions?after=x"):
        assert reader.get(wrong).status_code == 400, wrong
    assert reader.get("/interventions/x").status_code == 404
    assert reader.get("/interventions/new").status_code == 403


def test_pages_by_keyset(send: Send, browse: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.interventions.actions.PAGE", 2)
    made = [send("bailleur", "POST", "/api/interventions", body()).json["id"] for _ in range(5)]
    seen, path, reader = [], "/interventions", browse("planner")
    while path:
        page = reader.get(path).text
        seen += re.findall(r'class="what" href="/interventions/([^"]+)"', page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found[1].replace("&amp;", "&") if found else ""
    assert sorted(seen) == sorted(made)


def test_a_month_is_whole_weeks() -> None:
    assert span(date(2026, 11, 1)) == (date(2026, 10, 26), date(2026, 12, 6))
    assert [len(week) for week in weeks_of(date(2026, 2, 1), ())] == [7] * 5
    assert (shifted(date(2026, 1, 1), -1), shifted(date(2026, 12, 1), 1)) == (date(2025, 12, 1), date(2027, 1, 1))
