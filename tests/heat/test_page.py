"""The map page and its fragments over HTTP: size, address, second period, steps, words, who is told what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from app.db.session import make_engine, unit_of_work
from app.heat.routes import heat
from app.people.actions import create_token
from app.people.actor import SYSTEM, Actor
from app.people.commands import NewToken
from tests.heat.application import heat_application
from tests.heat.conftest import AMIENS, TODAY

PAGE_MOST_BYTES = 100_000
Add = Callable[..., str]
Ask = Callable[..., Any]


@pytest.fixture
def app(clean: None, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The whole application on a fixed day, with a cube as fresh as the request."""
    with heat_application(app_url, tmp_path, monkeypatch, TODAY) as made:
        yield made


@pytest.fixture
def ask(app: Flask, engine: Engine) -> Ask:
    """Asks as the public, or with a token of an account of some role; in French unless the query says English."""
    made = text("""
        WITH maker AS (INSERT INTO organisation (slug, name, kind) VALUES (:role, :role, 'city') RETURNING id)
        INSERT INTO account (email, fs_uniquifier, organisation_id, role_id)
        SELECT :role, :role, maker.id, role.id FROM maker, role WHERE role.name = :role RETURNING id, organisation_id
    """)
    headers: dict[str, dict[str, str]] = {"": {}}

    def asker(path: str, who: Any = "", *, english: bool = False) -> Any:
        if who not in headers:
            with unit_of_work(engine, SYSTEM) as uow:
                row = uow.connection.execute(made, {"role": who}).one()
                actor = Actor(who, row.id, row.organisation_id)
                secret = create_token(uow.connection, actor, NewToken(name="test", scope="read")).secret
            headers[who] = {"Authorization": f"Bearer {secret}"}
        client = app.test_client()
        if english:
            client.set_cookie("quietude_language", "en")
        return client.get(path, headers=headers[who] | {"Accept": "text/html"})

    return asker


def test_the_page_stays_small_whatever_was_imported_and_reported(ask: Ask, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text("""
                INSERT INTO place (kind, code, name, geom_4326, source)
                SELECT 'stop', n, repeat('Très long nom d’arrêt ', 8) || n,
                       ST_SetSRID(ST_MakePoint(2.2 + n % 50 * 0.006, 49.85 + n / 50 * 0.004), 4326), 'test'
                FROM generate_series(1, 900) AS n
            """)
        )
        uow.connection.execute(
            text("""
                INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, state)
                SELECT gen_random_uuid(), 'graffiti', geom_4326, 0, 2, 'public', '2026-11-01', 'new'
                FROM place, generate_series(1, 3) WHERE kind = 'stop'
            """)
        )
    page = ask("/map?by=stop", "planner")
    assert page.status_code == 200
    assert page.text.count("<tr>") == 1 + 60
    assert len(page.data) < PAGE_MOST_BYTES
    assert "60 " in page.text
    assert "900" in page.text
    assert ask("/map/results?by=stop&rows=all", "planner").text.count("<tr>") == 1 + 900


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("colour=red", "colour"),
        ("layers=heat,moon", "layers"),
        ("at=here", "at"),
        ("at=49.9,2.3", "at"),
        ("at=49.9,2.3,nan", "at"),
        ("from2=2026-01-01", "to2"),
        ("to2=2026-01-01", "from2"),
        ("from2=2026-02-01&to2=2026-01-01", "to2"),
        ("from2=yesterday&to2=zzz", "from2"),
        ("top=-1", "top"),
        ("by=moon", "by"),
        ("measure=weighted", "measure"),
    ],
)
def test_a_wrong_parameter_is_named(ask: Ask, query: str, named: str) -> None:
    for path in ("/map", "/map/results"):
        answer = ask(f"{path}?{query}")
        assert answer.status_code == 400, path
        assert named in answer.text


@pytest.mark.parametrize("query", ["organisation=nobody", "organisation=No%20slug", "due=over"])
def test_what_the_cube_does_not_know_is_refused_rather_than_left_out(ask: Ask, query: str) -> None:
    for path in ("/api/heat/legend", "/tiles/heat/12/2074/1391.png", "/tiles/reports/12/2074/1391.mvt", "/map"):
        answer = ask(f"{path}?{query}", "planner")
        assert answer.status_code == 400, path
        assert query.partition("=")[0] in answer.text


def test_whoever_reads_reports_chooses_the_organisation_that_answers(ask: Ask, add: Add) -> None:
    ask("/map", "planner")  # its organisation has the role's name
    add(organisation="planner")
    add()
    page = ask("/map?organisation=planner", "planner").text
    assert re.search(r'<option value="planner" selected>', page)
    assert "1 signalement<" in page
    assert "/export/reports.geojson" not in page or "organisation=planner" in page
    assert 'name="organisation"' not in ask("/map").text


def test_the_public_is_not_told_which_organisations_there_are(ask: Ask, add: Add) -> None:
    ask("/map", "planner")
    for _ in range(12):
        add(organisation="planner")
    found = {slug: ask(f"/map/results?organisation={slug}") for slug in ("planner", "nobody")}
    assert {answer.status_code for answer in found.values()} == {200}
    texts = {answer.text.replace(slug, "") for slug, answer in found.items()}
    assert len(texts) == 1
    assert "12" not in re.sub(r"\d{4}", "", texts.pop())


def test_boxes_ticked_without_a_script_become_one_list(ask: Ask) -> None:
    answer = ask("/map?theme=street&theme=services&category=&from=2026-01-01")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/map?theme=street,services&from=2026-01-01"
    page = ask(answer.headers["Location"]).text
    assert re.findall(r'name="theme" value="(\w+)" checked', page) == ["street", "services"]


def test_two_periods_have_the_same_classes_and_one_table(ask: Ask, add: Add) -> None:
    for day in ("2026-05-10", "2026-05-11", "2026-05-12", "2026-09-10"):
        add(observed_at=f"{day}T12:00:00+02:00")
    query = "from=2026-09-01&to=2026-09-30&from2=2026-05-01&to2=2026-05-31"
    found = ask(f"/map/results?{query}", "planner").text
    top = float(re.findall(r'data-top="([\d.]+)"', found)[0])
    alone = ask("/api/heat/legend?from=2026-05-01&to=2026-05-31", "planner").json
    assert top == alone["classes"][-1]["upper"]
    shared = ask(f"/api/heat/legend?from=2026-09-01&to=2026-09-30&top={top}", "planner").json
    assert [one["upper"] for one in shared["classes"]] == [one["upper"] for one in alone["classes"]]
    assert re.findall(r'<b class="letter">(.)</b>', found) == ["A", "B"]
    assert re.findall(r"<strong>(\d+) signalement", found) == ["1", "3"]
    assert f"top={top}" in ask(f"/map?{query}", "planner").text


def test_values_beyond_the_last_class_are_in_it_and_the_legend_says_so(ask: Ask, add: Add) -> None:
    add(observed_at="2026-09-10T12:00:00+02:00")
    query = "from=2026-09-01&to=2026-09-30&top=2"
    assert ask(f"/api/heat/legend?{query}", "planner").json["classes"][-1]["upper"] is None
    assert "1,8 et plus" in ask(f"/map/results?{query}", "planner").text


def test_steps_are_months_and_for_everybody_quarters(ask: Ask, add: Add) -> None:
    for day in ("2026-01-15", *["2026-05-20"] * 6):
        add(observed_at=f"{day}T12:00:00+02:00")
    months = ask("/map/steps?to=2026-05-20", "planner").json
    assert [step["from"] for step in months["steps"]] == [f"2026-0{month}-01" for month in range(1, 6)]
    assert months["steps"][1] == {"from": "2026-02-01", "to": "2026-02-28", "text": "février 2026"}
    assert months["top"] > 0
    quarters = ask("/map/steps?to=2026-06-30").json["steps"]
    assert [(step["from"], step["to"]) for step in quarters] == [("2026-04-01", "2026-06-30")]
    assert ask("/map/steps", "planner", english=True).json["steps"][0]["text"] == "January 2026"


def test_only_the_last_steps_of_a_long_register_are_offered(ask: Ask, add: Add) -> None:
    add(observed_at="2019-01-15T12:00:00+02:00")
    found = ask("/map/steps", "planner").json
    assert len(found["steps"]) == 24
    assert found["steps"][-1]["from"] == "2026-11-01"
    assert "24" in found["note"]


def test_the_value_is_said_in_both_languages(ask: Ask, add: Add) -> None:
    add(observed_at="2026-10-01T12:00:00+02:00")
    path = f"/map/point?from=2026-10-01&to=2026-10-30&lon={AMIENS[0]}&lat={AMIENS[1]}"
    french, english = ask(path, "planner").text, ask(path, "planner", english=True).text
    assert "signalements par km² et 30 jours" in french
    assert "1 signalement à moins de 150" in french
    assert "reports per km² and 30 days" in english
    assert "1 report less than 150" in english


@pytest.mark.parametrize("measure", ["count", "weighted", "significance", "change"])
def test_every_measure_has_a_page_of_its_own_words(ask: Ask, add: Add, measure: str) -> None:
    add(observed_at="2026-10-01T12:00:00+02:00")
    page = ask(f"/map?measure={measure}", "coordinator", english=True).text
    assert f'<option value="{measure}" selected>' in page
    legend = ask(f"/api/heat/legend?measure={measure}", "coordinator").json
    shown = re.sub(r"\s+", " ", ask(f"/map/results?measure={measure}", "coordinator").text)
    assert legend["unit_text"] in shown


def _without_secrets(page: str) -> str:
    return re.sub(r'(nonce|value|content)="[\w.-]{16,}"|[0-9a-f]{32}', "", page)


def test_the_public_cannot_tell_an_empty_register_from_a_small_one(ask: Ask, add: Add) -> None:
    empty = _without_secrets(ask("/map").text)
    for _ in range(4):
        add(observed_at="2026-10-01T12:00:00+02:00")
    assert _without_secrets(ask("/map").text) == empty
    assert "assez de signalements" in empty
    add(observed_at="2026-10-01T12:00:00+02:00")
    assert _without_secrets(ask("/map").text) != empty


def test_who_reads_everything_is_told_that_the_register_is_empty(ask: Ask, add: Add) -> None:
    assert "aucun signalement dans le registre" in ask("/map", "coordinator").text
    add(observed_at="2026-10-01T12:00:00+02:00")
    assert "aucun signalement dans le registre" not in ask("/map?theme=transport", "coordinator").text
    assert "Rien à montrer pour ce choix" in ask("/map?theme=transport", "coordinator").text


def test_only_who_may_export_is_offered_the_export(ask: Ask) -> None:
    address = "/export/reports.geojson?theme=street&amp;severity=3"
    query = "/map?theme=street&severity=3&bandwidth=300"
    assert address in ask(query, "planner").text
    for who in ("", "agent", "partner", "admin"):
        assert "/export/" not in ask(query, who).text


def test_the_public_chooses_whole_quarters_and_is_told_why(ask: Ask) -> None:
    public = ask("/map?from=2026-07-01&to=2026-09-30").text
    assert '<option value="2026-07-01" selected>' in public
    assert '<option value="2026-09-30" selected>' in public
    assert "trimestres entiers" in public
    assert 'type="date"' not in public
    for name in ("category", "state", "severity"):
        assert f'name="{name}"' not in public
    assert 'type="date"' in ask("/map", "partner").text


def test_days_of_a_shared_link_that_are_no_quarters_stay_chosen(ask: Ask) -> None:
    page = ask("/map?from=2026-07-15").text
    assert re.search(r'<option value="2026-07-15" selected>15 juil\. 2026</option>', page)


def test_without_a_database_the_page_shows_the_last_picture(ask: Ask, app: Flask, add: Add) -> None:
    for _ in range(9):
        add(observed_at="2026-10-01T12:00:00+02:00")
    ask("/map")
    nowhere = make_engine("postgresql+psycopg2://quietude_app@/quietude?host=/nowhere")
    with app.app_context():
        keeper = heat().keeper
        working, keeper._engine = keeper._engine, nowhere
    page = ask("/map")
    keeper._engine = working
    assert page.status_code == 200
    assert 'class="notice stale"' in page.text
    assert "10 signalements" in page.text
    assert 'class="notice stale"' not in ask("/map").text


def test_reports_that_lie_in_no_place_of_the_table_are_not_denied(ask: Ask, add: Add) -> None:
    assert "encore aucun signalement" in ask("/map/results", "planner").text
    add()
    assert "Aucun de ces signalements ne se trouve dans un lieu de cette liste." in ask("/map/results", "planner").text
    empty = ask("/map/results?from=2020-01-01&to=2020-12-31", "planner").text
    assert "Rien à montrer pour ce choix." in empty


def test_without_a_database_the_page_shows_the_territory_of_the_last_picture(
    ask: Ask, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text("""
                INSERT INTO place (kind, code, name, geom_4326, is_territory, source)
                VALUES ('commune', '75056', 'Paris', ST_MakeEnvelope(2.25, 48.81, 2.42, 48.91, 4326), true, 'test')
            """)
        )

    def corners() -> list[float]:
        [found] = re.findall(r"fitBounds\(\[\[([\d.]+), ([\d.]+)\], \[([\d.]+), ([\d.]+)\]\]", ask("/map").text)
        return [float(number) for number in found]

    assert corners() == pytest.approx([48.81, 2.25, 48.91, 2.42])

    def away() -> None:
        raise OperationalError("SELECT", None, Exception("away"))

    monkeypatch.setattr("app.heat.page.current_territory", away)
    # Straight lines in degrees are not quite straight in EPSG:2154.
    assert corners() == pytest.approx([48.81, 2.25, 48.91, 2.42], abs=2e-3)
