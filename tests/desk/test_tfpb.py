"""The TFPB ledger: who keeps it, what its lines add up to, and files that no spreadsheet runs."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.desk.tfpb_commands import parse_entry
from app.errors import InvalidInputError
from app.people.actor import SYSTEM
from tests.interventions.samples import body
from tests.reports.samples import LAT, LON
from tests.reports.samples import body as report_body

Send = Callable[..., Any]
ENTRY = {"axis": "waste", "year": "2026", "amount_eur": "1 250,50"}


def record(send: Send, name: str = "bailleur", **changes: Any) -> str:
    return str(send(name, "POST", "/api/interventions", body(**changes)).json["id"])


def enter(browser: Any, intervention: str, **changes: Any) -> Any:
    path = f"/interventions/{intervention}"
    return browser.post(f"{path}/tfpb", path, **(ENTRY | changes))


def test_from_an_intervention_to_the_table(send: Send, browse: Callable[[str], Any], places: dict[str, int]) -> None:
    report = send("agent", "POST", "/api/reports", report_body()).json["id"]
    inside = {"type": "Point", "coordinates": [LON - 0.05, LAT]}
    made = record(send, geometry=inside, reports=[report], cost_eur=99)
    landlord = browse("bailleur")
    page = landlord.get(f"/interventions/{made}").text
    assert f'value="{places["qpv"]}" selected' in page, "the QPV comes from the place"
    assert 'value="99.00"' in page
    assert enter(landlord, made, qpv_place_id=str(places["qpv"])).status_code == 303
    table = browse("coordinator").get("/desk/tfpb?year=2026").text
    plain = table.replace("\u202f", " ").replace("\u00a0", " ")
    for said in (
        "Bailleur social (démo)",
        "QN08001M",
        "Gestion des déchets et encombrants / épaves",
        "1 250,50 €",
        made,
    ):
        assert said in plain, said
    assert "1 signalement" in plain
    assert made not in browse("coordinator").get("/desk/tfpb?year=2025").text
    history = send("ametis", "GET", f"/api/interventions/{made}/history").json["events"]
    assert (history[-1]["kind"], history[-1]["details"]) == ("tfpb_set", {})


def test_who_keeps_it(send: Send, browse: Callable[[str], Any]) -> None:
    statuses = {
        name: browse(name).get("/desk/tfpb").status_code
        for name in ("bailleur", "coordinator", "ametis", "agent", "planner", "admin")
    }
    assert statuses == {"bailleur": 200, "coordinator": 200, "ametis": 403, "agent": 403, "planner": 403, "admin": 403}
    made, theirs = record(send), record(send, "ametis")
    assert enter(browse("coordinator"), theirs).status_code == 403, "no landlord"
    other = browse("ametis")
    assert other.post(f"/interventions/{made}/tfpb", "/interventions/new", **ENTRY).status_code == 403
    assert "Registre TFPB" not in other.get(f"/interventions/{made}").text
    assert browse("coordinator").get("/desk/tfpb?organisation=ametis-demo").status_code == 400
    assert browse("coordinator").get("/desk/tfpb?year=MMXXVI").status_code == 400


def test_changed_and_taken_out(send: Send, browse: Callable[[str], Any], engine: Engine) -> None:
    made, landlord = record(send), browse("bailleur")
    assert enter(landlord, made).status_code == 303
    late = enter(landlord, made)
    assert late.status_code == 409, "it was there already"
    assert enter(landlord, made, version="1", amount_eur="10", axis="small_works").status_code == 303
    assert enter(landlord, made, version="1").status_code == 409
    query = "SELECT axis_code, amount_eur, version FROM tfpb_entry"
    with unit_of_work(engine, SYSTEM) as uow:
        row = uow.connection.execute(text(query)).one()
    assert (row.axis_code, float(row.amount_eur), row.version) == ("small_works", 10.0, 2)
    assert landlord.post(f"/interventions/{made}/tfpb", f"/interventions/{made}", take_out="1").status_code == 303
    assert made not in landlord.get("/desk/tfpb?year=2026").text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"axis": "magic"}, "axis"),
        ({"year": "26"}, "year"),
        ({"year": ""}, "year"),
        ({"amount_eur": "-1"}, "amount_eur"),
        ({"amount_eur": "NaN"}, "amount_eur"),
        ({"amount_eur": "1e99"}, "amount_eur"),
        ({"amount_eur": "1.234"}, "amount_eur"),
        ({"amount_eur": ""}, "amount_eur"),
        ({"qpv_place_id": "north"}, "qpv_place_id"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_entry(ENTRY | changes, {"waste"})
    assert [error.field for error in refused.value.errors] == [field]


def test_a_place_that_is_no_qpv(send: Send, browse: Callable[[str], Any], places: dict[str, int]) -> None:
    answer = enter(browse("bailleur"), record(send), qpv_place_id=str(places["west"]))
    assert answer.status_code == 422
    assert "Choisissez un quartier prioritaire dans la liste, ou aucun." in answer.text


def test_the_workbook_holds_values_and_runs_nothing(send: Send, browse: Callable[[str], Any]) -> None:
    evil = '=HYPERLINK("https://example.org","clic")'
    made, landlord = record(send, description=evil), browse("bailleur")
    enter(landlord, made)
    answer = landlord.get("/desk/tfpb.xlsx?year=2026")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="quietude-tfpb-2026.xlsx"'
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    lines, proofs = book.worksheets
    assert [cell.value for cell in lines[2]][3:6] == ["Gestion des déchets et encombrants / épaves", 1250.5, 1]
    assert lines["E2"].data_type == "n"
    cells = {cell.value: cell for row in proofs.iter_rows() for cell in row}
    assert cells[evil].data_type == "s"
    assert cells[evil].quotePrefix
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert isinstance(proofs["H2"].value, datetime)
    assert f"http://localhost/interventions/{made}" in cells


def test_links_in_the_workbook_lead_to_the_public_address(
    send: Send, browse: Callable[[str], Any], client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the Host header says: the file is passed on to others."""
    made, landlord = record(send), browse("bailleur")
    enter(landlord, made)
    known = client.application.extensions["quietude"]
    settings = known.settings.model_copy(update={"public_url": "https://quietude.example/q/"})
    monkeypatch.setitem(client.application.extensions, "quietude", replace(known, settings=settings))
    book = openpyxl.load_workbook(io.BytesIO(landlord.get("/desk/tfpb.xlsx?year=2026").data))
    said = {str(cell.value) for row in book.worksheets[1].iter_rows() for cell in row}
    assert f"https://quietude.example/q/interventions/{made}" in said
    assert not [value for value in said if "localhost" in value]


def test_on_paper(send: Send, browse: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    landlord = browse("bailleur")
    enter(landlord, record(send))
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("WeasyPrint or Pango is missing")
    answer = landlord.get("/desk/tfpb.pdf?year=2026")
    assert answer.status_code == 200
    assert answer.data.startswith(b"%PDF-")
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    missing = landlord.get("/desk/tfpb.pdf?year=2026")
    assert missing.status_code == 503
