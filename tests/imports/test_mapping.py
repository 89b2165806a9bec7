"""The proposed mapping, the form, kept mappings, and the way to the command line's TOML and back."""

from __future__ import annotations

import io
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.imports.categories import propose
from app.imports.propose import time_format_of
from app.imports.rules import TRANSITIONS, may_change, may_undo
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.reports.importing.mapping import parse_mapping
from app.reports.importing.toml import dump_mapping
from tests.imports.bench import Bench, row, table
from tests.real_data import REAL
from tests.reports import import_samples

SHIPPED = Path(__file__).parents[2] / "docs/import-mappings"
PARIS = REAL / "incidents/dansmarue-paris-2024-12-14.csv"


@pytest.mark.parametrize("name", ["dansmarue-paris", "example"])
def test_a_mapping_survives_the_way_to_toml_and_back(name: str) -> None:
    mapping = parse_mapping(tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8")))
    assert parse_mapping(tomllib.loads(dump_mapping(mapping))) == mapping


def test_odd_keys_survive_too() -> None:
    values = {'a "b" \\ c': "graffiti", "": "refuse", "l\n1\t": "graffiti", "é’\x7f": "graffiti", "1.5": "graffiti"}
    mapping = import_samples.mapping(category={"columns": ["what"], "values": values})
    assert parse_mapping(tomllib.loads(dump_mapping(mapping))) == mapping


def test_the_downloaded_mapping_does_the_same_on_the_command_line(bench: Bench, engine: Engine, tmp_path: Path) -> None:
    content = table(row(1), row(2, type="Lampadaire"))
    batch = bench.uploaded(content)
    bench.map(batch, name="town-tickets")
    toml = bench.get(f"/imports/{batch}/mapping.toml")
    assert toml.headers["Content-Disposition"] == 'attachment; filename="city.town-tickets.toml"'
    mapping = parse_mapping(tomllib.loads(toml.get_data(as_text=True)))
    (tmp_path / "in.csv").write_bytes(content)
    assert import_samples.run(engine, tmp_path / "in.csv", mapping, now=datetime.now(UTC)).imported == 2
    assert bench.run(batch)["already_there"] == 2


def test_a_kept_mapping_is_used_again(bench: Bench) -> None:
    bench.map(
        bench.uploaded(table(row(1), row(2, type="Autre chose"))), name="tickets", **{"c-0": "noise", "c-1": "fire"}
    )
    kept = bench.one("SELECT id FROM import_mapping")
    assert "tickets" in bench.get("/imports").get_data(as_text=True)
    batch = bench.uploaded(table(row(3), row(4, type="Autre chose")), "june.csv", mapping=str(kept))
    assert bench.mapping(batch)["name"] == "city.tickets"
    assert sorted(bench.mapping(batch)["category"]["values"].values()) == ["fire", "noise"]
    assert bench.run(batch)["imported"] == 2
    assert bench.post(f"/imports/mappings/{kept}/delete").status_code == 303
    assert bench.get(f"/imports/mappings/{kept}.toml").status_code == 404


def test_patterns_of_a_mapping_file_stay_when_one_value_is_changed(bench: Bench) -> None:
    toml = b"""
name = "tickets"
[id]
columns = ["numero", "type"]
[coordinates]
lon = "longitude"
lat = "latitude"
[observed_at]
column = "date"
formats = ["%d/%m/%Y %H:%M", "iso"]
ambiguous = "later"
[category]
columns = ["type"]
values = { "tag*" = "graffiti" }
"""
    batch = bench.uploaded(
        table(row(1), row(2, type="Tag 2"), row(3, type="Tag 3")), mapping_file=(io.BytesIO(toml), "m")
    )
    fields = bench.fields(batch)
    assert fields["c-0"] == "graffiti"
    changed = next(name for name in ("c-0", "c-1", "c-2") if "Tag 2" in fields[name.replace("c-", "ck-")])
    assert bench.map(batch, **{changed: ""}).status_code == 303
    mapping = bench.mapping(batch)
    assert mapping["category"]["values"] == {"tag*": "graffiti", "Tag 2": "refuse"}
    assert mapping["id"] == {"columns": ["numero", "type"]}
    assert mapping["observed_at"]["formats"] == ["%d/%m/%Y %H:%M", "iso"]
    assert mapping["observed_at"]["ambiguous"] == "later"
    done = bench.run(batch)
    assert (done["imported"], done["by_reason"]) == (2, {"category: left out": 1})


@pytest.mark.parametrize(
    ("toml", "message"),
    [(b"\xff", "UTF-8"), (b"name = ", "not valid TOML"), (b'name = "x"', "id is missing")],
)
def test_a_mapping_file_that_is_none(bench: Bench, toml: bytes, message: str) -> None:
    answer = bench.upload(table(row(1)), mapping_file=(io.BytesIO(toml), "m.toml"))
    assert answer.status_code == 422
    assert message in answer.get_data(as_text=True)


def test_what_the_form_lacks_is_said_at_its_field(bench: Bench) -> None:
    batch = bench.uploaded(table("1;2", header="foo;bar"))
    html = bench.page(batch)
    assert "Say where the position of each row stands." in html
    assert bench.post(f"/imports/{batch}/run").status_code == 422
    answer = bench.map(batch, then="check", name="No good!", category_1="", when="nothing", lon="foo", lat="")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for message in ("Give a name of small letters", "Choose a column.", "no column “nothing”"):
        assert message in text
    assert 'value="No good!"' in text
    assert bench.post(f"/imports/{batch}/mapping").status_code == 422


def test_a_mapping_no_longer_changes_once_rows_are_in(bench: Bench) -> None:
    batch = bench.uploaded(table(row(1)))
    fields = bench.fields(batch)
    bench.run(batch)
    assert bench.post(f"/imports/{batch}/mapping", **fields).status_code == 409


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["2026-05-04"], "iso"),
        (["04/05/2026", "31/05/2026"], "%d/%m/%Y"),
        (["05/31/2026"], "%m/%d/%Y"),
        (["04/05/26 07:05"], "%d/%m/%y %H:%M"),
        (["1777898400"], "epoch"),
        (["1777898400000"], "epoch-ms"),
        (["20260504"], "%Y%m%d"),
        (["29/03/2026 02:30"], "%d/%m/%Y %H:%M"),  # an hour that did not exist is refused row by row, not the format
        (["yesterday"], None),
        ([], None),
    ],
)
def test_date_formats(values: list[str], form: str | None) -> None:
    assert time_format_of(values) == form


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (("Propreté", "Dépôt sauvage"), "fly_tipping"),
        (("Graffitis, tags, affiches et autocollants", "Graffitis sur mur"), "graffiti"),
        (("Éclairage", "LAMPADAIRE ETEINT"), "street_light_out"),
        (("Nid-de-poule",), "pothole"),
        (("Ascenseur en panne",), "lift_out"),
        (("Ratissage des feuilles",), None),
        (("Tag",), "graffiti"),
        (("Stage d'été",), None),
        (("",), None),
    ],
)
def test_categories_by_similarity(engine: Engine, cells: tuple[str, ...], code: str | None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        assert propose(cells, load_nomenclature(uow.connection)) == code


def test_the_workflow_is_closed() -> None:
    """Every state that is named exists; what is over stays over; only what brought something in is undone."""
    for targets in TRANSITIONS.values():
        assert targets <= TRANSITIONS.keys()
    assert TRANSITIONS["undone"] == frozenset()
    assert [state for state in TRANSITIONS if may_undo(state, 1)] == ["stopped", "done", "failed"]
    assert not any(may_undo(state, 0) for state in TRANSITIONS)
    assert [state for state in TRANSITIONS if may_change(state, 0)] == ["draft", "checked", "failed"]
    assert not any(may_change(state, 1) for state in TRANSITIONS)


@pytest.mark.skipif(not PARIS.exists(), reason="the file of Paris is not here")
def test_the_real_file_is_understood(bench: Bench) -> None:
    """10,000 rows of Paris: every one is read, and refused for being outside Amiens, not for its form."""
    batch = bench.uploaded(PARIS.read_bytes(), PARIS.name)
    mapping = bench.mapping(batch)
    assert mapping["observed_at"]["column"] == "datedecl"
    assert mapping["category"]["columns"] == ["type", "soustype"]
    assert mapping["coordinates"]["format"] == "python-dict"
    checked = bench.check(batch)["checked"]
    assert checked["read"] == 10_000
    assert checked["by_reason"]["lon: outside"] > 8_000
