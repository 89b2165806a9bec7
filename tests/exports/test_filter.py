"""CQL2 in the exports: the same names as the columns, under the same rules as the rest of the query."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.exports.dictionary import COLUMNS
from app.exports.queryables import intervention_queryables, report_queryables
from app.filtering import queryables_schema
from app.nomenclature.store import Nomenclature
from app.people.actor import SYSTEM
from tests.exports.samples import add_intervention, add_organisation, add_place, add_report

Bearer = Callable[..., dict[str, str]]
SQUARE = "POLYGON((2.3 49.89,2.31 49.89,2.31 49.9,2.3 49.9,2.3 49.89))"


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    features = json.loads(answer.data)["features"]
    answer.close()  # the next export takes this one's place
    return sorted(feature["id"] for feature in features)


def test_a_filter_narrows_what_one_may_see(client: FlaskClient, bearer: Bearer, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        one = add_report(uow, severity=4, description="Rue de l'Église, côté pair")
        other = add_report(
            uow,
            organisation_id=add_organisation(uow, "sip", "SIP d'Amiens"),
            neighbourhood_id=add_place(uow, "neighbourhood", "1", "Étouvie"),
            lon=2.35,
            observed_at="2026-03-01T10:00:00Z",
        )
        add_report(uow, severity=4, visibility="restricted", description="l'église")
    planner = bearer("planner")

    def chosen(**query: str) -> list[str]:
        return ids(client.get("/export/reports.geojson", query_string=query, headers=planner))

    assert chosen(filter="CASEI(ACCENTI(description)) LIKE '%eglise%'") == [one]
    assert chosen(filter="severity > 1") == sorted([one, other])
    assert chosen(filter=f"S_WITHIN(geometry, {SQUARE})") == [one]
    assert chosen(filter=f"NOT S_WITHIN(geometry, {SQUARE})") == [other]
    assert chosen(filter="organisation = 'SIP d''Amiens' AND neighbourhood LIKE 'É%'") == [other]
    assert chosen(filter="theme = 'cleanliness' AND kind = 'defect' AND is_synthetic = FALSE", severity="3") == [one]
    assert chosen(filter=json.dumps({"op": "isNull", "args": [{"property": "description"}]})) == [other]
    assert chosen(filter=f"id = '{one}'", **{"filter-lang": "cql2-text"}) == [one]
    assert chosen(datetime="../2026-03-01") == [other]
    lat_lon = "http://www.opengis.net/def/crs/EPSG/0/4326"
    assert chosen(filter="S_INTERSECTS(geometry, ENVELOPE(49.8, 2.3, 49.9, 2.31))", **{"filter-crs": lat_lon}) == [one]
    csv = client.get("/export/reports.csv", query_string={"filter": f"id = '{one}'"}, headers=planner).text
    assert csv.count("\n") == 2
    with unit_of_work(engine, SYSTEM) as uow:
        logged = uow.connection.scalar(text("SELECT query FROM export_log ORDER BY at DESC LIMIT 1"))
    assert logged == f"filter=id+%3D+%27{one}%27"


def test_interventions_have_names_of_their_own(client: FlaskClient, bearer: Bearer, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        city = add_organisation(uow, "city", "Ville")
        one = add_intervention(uow, city, "cleaning")
        add_intervention(uow, city, "cleaning")
        uow.connection.execute(
            text("UPDATE intervention SET teams = '{mediators}', cost_eur = 12.5 WHERE id = :id"), {"id": one}
        )
    planner = bearer("planner")
    for filter_ in (
        "A_CONTAINS(teams, ['mediators'])",
        "cost_eur * 2 = 25 AND reports = 0",
        "T_DURING(planned_start, INTERVAL('2026-01-01', '2026-12-31')) AND cost_eur IS NOT NULL",
    ):
        answer = client.get("/export/interventions.geojson", query_string={"filter": filter_}, headers=planner)
        assert ids(answer) == [one], filter_


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"filter": "colour = 'red'"}, "la propriété « colour » n'existe pas ; sont connues id, category, theme"),
        ({"filter": "state = 'lost'"}, "« lost » n'est pas une valeur de « state » ; sont possibles new, acknowledged"),
        ({"filter": "reporter_account_id = 1"}, "n'existe pas"),
        ({"filter": "severity = 1", "filter-lang": "cql"}, "choisissez parmi cql2-text, cql2-json"),
        ({"datetime": "tomorrow"}, "n'est pas une heure"),
    ],
)
def test_refusals_are_problems_that_name_the_parameter(
    client: FlaskClient, bearer: Bearer, query: dict[str, str], message: str
) -> None:
    answer = client.get("/export/reports.geojson", query_string=query, headers=bearer("planner"))

    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    error = json.loads(answer.data)["errors"][0]
    assert message in error["message"].replace("\u00a0", " ")
    assert error["field"] == list(query)[-1]


def test_what_can_be_asked_for_is_the_columns(app: object) -> None:
    nomenclature = Nomenclature((), ())
    reports = queryables_schema(report_queryables(nomenclature), "https://example.org/q", "Reports")
    works = queryables_schema(intervention_queryables({"cleaning"}), "https://example.org/q", "Interventions")

    asked = [column.name for column in COLUMNS["reports"] if column.name in reports["properties"]]
    assert [*asked, "geometry"] == list(reports["properties"])
    assert reports["properties"]["observed_at"] == {
        "title": "When it was seen (UTC)", "type": "string", "format": "date-time", "x-ogc-role": "primary-instant",
    }  # fmt: skip
    assert reports["properties"]["geometry"]["x-ogc-role"] == "primary-geometry"
    assert "reported_by" not in reports["properties"]
    assert reports["additionalProperties"] is False
    assert works["properties"]["kind"]["enum"] == ["cleaning"]
    assert works["properties"]["teams"] == {
        "title": COLUMNS["interventions"][12].meaning, "type": "array", "items": {"type": "string"},
    }  # fmt: skip
