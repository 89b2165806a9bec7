"""Who may import, and who sees what of it: by role in the actions, by row-level security underneath."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.people.actions import create_token
from app.people.actor import PUBLIC, SYSTEM
from app.people.commands import NewToken
from tests.imports.bench import Bench, row, table

TABLES = ("import_batch", "import_content", "import_report", "import_mapping")


@pytest.mark.parametrize("who", ["agent", "planner", "admin"])
def test_other_roles_may_not_send_files(bench: Bench, who: str) -> None:
    assert bench.upload(table(row(1)), who=who).status_code == 403
    assert bench.get("/imports", who).status_code == (200 if who == "admin" else 403)
    assert bench.one("SELECT count(*) FROM import_batch") == 0


def test_nobody_signed_in(bench: Bench) -> None:
    for path in ("/imports", "/imports/00000000-0000-4000-8000-000000000000"):
        assert bench.client.get(path, headers={"Accept": "application/json"}).status_code == 401
    assert bench.client.post("/api/imports", data={}).status_code == 401


def test_a_token_that_only_reads_sends_nothing(bench: Bench, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        secret = create_token(uow.connection, bench.world.actors["city"], NewToken(name="r", scope="read")).secret
    answer = bench.client.post("/api/imports", data={}, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 403


def test_another_organisation_sees_nothing_of_it(bench: Bench) -> None:
    batch = bench.uploaded(table(row(1)))
    bench.map(batch, name="secret-name")
    mapping = bench.one("SELECT id FROM import_mapping")
    for path in (f"/imports/{batch}", f"/imports/{batch}/refusals.csv", f"/imports/{batch}/mapping.toml"):
        assert bench.get(path, "hlm-a").status_code == 404, path
    for step in ("mapping", "check", "run", "stop", "undo", "discard"):
        assert bench.post(f"/imports/{batch}/{step}", "hlm-a").status_code == 404, step
    assert bench.get(f"/imports/mappings/{mapping}.toml", "hlm-a").status_code == 404
    assert bench.post(f"/imports/mappings/{mapping}/delete", "hlm-a").status_code == 404
    assert batch not in bench.get("/imports", "hlm-a").get_data(as_text=True)
    assert bench.upload(table(row(1)), who="hlm-a", mapping=str(mapping)).status_code == 404
    assert bench.status(batch)["state"] == "draft"


@pytest.mark.parametrize("who", ["coordinator", "admin"])
def test_whoever_oversees_sees_the_log_without_contents(bench: Bench, who: str) -> None:
    batch = bench.uploaded(table(row(1, type="Valeur confidentielle")), name="nom-confidentiel.csv")
    bench.check(batch)
    for path in ("/imports", f"/imports/{batch}"):
        html = bench.get(path, who).get_data(as_text=True)
        assert "The city" in html
        assert "onfidentiel" not in html
    status = bench.status(batch, who)
    assert (status["file_name"], status["refusals"]) == (None, None)
    for path in (f"/imports/{batch}/refusals.csv", f"/imports/{batch}/mapping.toml"):
        assert bench.get(path, who).status_code in {403, 404}
    assert bench.post(f"/imports/{batch}/run", who).status_code in {403, 404}
    assert bench.reports() == 0


def test_two_organisations_may_use_one_name(bench: Bench) -> None:
    """Their identifiers are no one another's: nothing is taken for there already."""
    for who in ("city", "hlm-a"):
        batch = bench.uploaded(table(row(1)), who=who)
        assert bench.post(f"/imports/{batch}/run", who).status_code == 303
        bench.office.do()
        assert bench.status(batch, who)["imported"] == 1
    assert bench.reports() == 2
    forged = b'name = "hlm-a.tickets"\n' + TOML.encode()
    batch = bench.uploaded(table(row(2)), mapping_file=(io.BytesIO(forged), "m.toml"))
    assert (bench.mapping(batch)["name"], bench.mapping(batch)["organisation"]) == ("city.tickets", "city")


TOML = """
organisation = "hlm-a"
[id]
column = "numero"
[coordinates]
lon = "longitude"
lat = "latitude"
[observed_at]
column = "date"
formats = ["%d/%m/%Y %H:%M"]
[category]
constant = "graffiti"
"""


@pytest.mark.parametrize("who", ["hlm-a", "agent", "planner", "coordinator", "admin", "public"])
def test_row_security(bench: Bench, engine: Engine, who: str) -> None:
    batch = bench.uploaded(table(row(1)))
    bench.map(batch)
    bench.run(batch)
    actor = PUBLIC if who == "public" else bench.world.actors[who]
    seen = {"import_batch": 1 if who in {"coordinator", "admin"} else 0}
    with unit_of_work(engine, actor) as uow:
        for name in TABLES:
            assert uow.connection.scalar(text(f"SELECT count(*) FROM {name}")) == seen.get(name, 0), name
            assert uow.connection.execute(text(f"DELETE FROM {name}")).rowcount == 0, name
        assert uow.connection.execute(text("UPDATE import_batch SET state = 'undoing'")).rowcount == 0
    values = {"org": bench.world.organisations["city"], "account": bench.world.actors["city"].user_id}
    add = text(
        "INSERT INTO import_batch (id, organisation_id, account_id, uploaded_at, changed_at, format, bytes, sha256)"
        " VALUES (gen_random_uuid(), :org, :account, now(), now(), 'csv', 1, sha256('x'))"
    )
    with pytest.raises(ProgrammingError, match="row-level security"), unit_of_work(engine, actor) as uow:
        uow.connection.execute(add, values)


def test_nobody_forgets_an_import_that_brought_something_in(bench: Bench, engine: Engine) -> None:
    batch = bench.uploaded(table(row(1)))
    bench.run(batch)
    assert bench.post(f"/imports/{batch}/discard").status_code == 409
    for actor in (bench.world.actors["city"], SYSTEM):
        with unit_of_work(engine, actor) as uow:
            assert uow.connection.execute(text("DELETE FROM import_batch")).rowcount == 0


def test_every_table_forces_row_security(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT count(*) FROM pg_class WHERE relname = ANY (:names) AND relrowsecurity AND relforcerowsecurity"
            ),
            {"names": list(TABLES)},
        )
        assert found.scalar_one() == len(TABLES)


def test_restricted_categories_stay_restricted(bench: Bench) -> None:
    """Partners only is the floor of what an import shows, never the ceiling."""
    batch = bench.uploaded(table(row(1, type="Agression"), row(2)))
    bench.run(batch)
    found = bench.rows("SELECT category_code, visibility FROM report ORDER BY source_ref")
    assert [tuple(one) for one in found] == [("assault_in_public", "restricted"), ("graffiti", "partner")]


def test_an_imported_report_has_no_author(bench: Bench) -> None:
    """An imported report has its organisation as its source, and no author."""
    bench.run(bench.uploaded(table(row(1))))
    found = bench.rows("SELECT reporter_organisation_id, reporter_account_id FROM report")
    assert [tuple(one) for one in found] == [(bench.world.organisations["city"], None)]
