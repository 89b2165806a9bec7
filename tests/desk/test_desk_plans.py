"""Lists at 300,000 reports: a page asks so many questions, and each finds its rows by index under row security.

What is explained is what the pages really execute, with the values that they bind, as the role that asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from app import create_app
from app.db.cluster import Cluster
from app.db.session import unit_of_work
from app.settings import load_settings
from app.web.context import services
from tests.conftest import KEPT, _empty
from tests.desk.moves_world import DeskWorld
from tests.routing.world import make_world

ROWS = 300_000
# A register of some years: most of it is done, a tenth is open, a few wait for an answer or were sent on.
_FILL = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at,
                        due_at, organisation_id, reporter_organisation_id, asked_organisation_id, paused_at,
                        passed_by_organisation_id)
    SELECT gen_random_uuid(), codes[1 + n % cardinality(codes)],
        ST_SetSRID(ST_MakePoint(2.25 + random() * 0.1, 49.85 + random() * 0.08), 4326), (random() * 4e9)::bigint,
        1 + n % 4, drawn.state, (ARRAY['public', 'partner', 'partner', 'restricted'])[1 + n % 4], drawn.at, drawn.at,
        drawn.at + interval '3 days', ids[1 + n % 6], ids[1 + (n / 7) % 6],
        CASE WHEN drawn.state = 'assigned' AND n % 20 = 0 THEN ids[1 + (n / 3) % 6] END,
        CASE WHEN drawn.state = 'assigned' AND n % 20 = 0 THEN drawn.at END,
        CASE WHEN drawn.state = 'new' AND n % 9 = 0 THEN ids[1 + (n / 2) % 6] END
    FROM generate_series(1, :rows) AS n,
        (SELECT array_agg(code ORDER BY code) AS codes FROM category) AS categories,
        (SELECT array_agg(id ORDER BY id) AS ids FROM organisation) AS organisations,
        LATERAL (SELECT now() - (random() + n * 0) * interval '730 days' AS at,
            (ARRAY['new', 'new', 'assigned', 'in_progress', 'resolved', 'rejected']
                || array_fill('verified'::text, ARRAY[24]))
                [1 + floor(random() * 30 + n * 0)::integer] AS state) AS drawn
""")


@dataclass
class Executed:
    """The statements of a page."""

    statements: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def selects(self) -> list[tuple[str, Any]]:
        """Those that read reports."""
        return [one for one in self.statements if re.search(r"\b(FROM|JOIN) report\b", one[0])]


@pytest.fixture(scope="module")
def large(
    engine: Engine, cluster: Cluster, app_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeskWorld]:
    """The world of the desk with 300,000 reports."""
    environ = {
        "DATABASE_URL": app_url,
        "VAR_DIR": str(tmp_path_factory.mktemp("large")),
        "SECRET_KEY": "x" * 20,
        "DEMO": "0",
    }
    app = create_app(load_settings({f"QUIETUDE_{name}": value for name, value in environ.items()}))
    app.config.update(TESTING=True, RATELIMIT_ENABLED=False)
    world = make_world(engine)
    superuser = create_engine(cluster.url("superuser"), poolclass=NullPool)
    with superuser.begin() as connection:
        # Fourteen foreign keys a row, which are right: half of the time of filling.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SELECT setseed(0.19)"))
        connection.execute(_FILL, {"rows": ROWS})
        connection.execute(text("ANALYZE report"))
    yield DeskWorld(app, engine, world)
    with app.app_context():
        services().engine.dispose()
    with superuser.begin() as connection:
        _empty(connection)
        connection.execute(text("ANALYZE report"))


@contextmanager
def executed(app: Flask) -> Iterator[Executed]:
    """What the application's engine executes inside the block."""
    with app.app_context():
        engine = services().engine
    kept = Executed()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        kept.statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield kept
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plans(large: DeskWorld, who: str, address: str) -> tuple[Executed, str]:
    """What a page executed, and the plans of its questions about reports."""
    browser = large.browse(who)
    # What is looked up once a process is not the page's.
    browser.get(address)
    with executed(large.app) as kept:
        answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    with unit_of_work(large.engine, large.world.actors[who]) as uow:
        told = []
        for statement, parameters in kept.selects:
            lines = uow.connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
            told.append("\n".join(lines))
    return kept, "\n\n".join(told)


def statements(large: DeskWorld, address: str) -> list[str]:
    """What a page asks, but for what every process looks up again after some seconds."""
    shortest = min((plans(large, "hlm-a", address)[0].statements for _ in range(3)), key=len)
    return [statement for statement, _values in shortest]


TABS = ("todo", "soon", "reply", "waiting", "verify")
FILTERED = ("", "&theme=cleanliness", "&severity=3", "&state=new")
DESKS = [("hlm-a", f"/desk?tab={tab}{more}") for tab in TABS for more in FILTERED if tab == "todo" or not more]
DESKS += [("hlm-a-agent", f"/desk?tab={tab}") for tab in ("todo", "reply", "verify")]
DESKS += [("coordinator", "/desk?tab=verify"), ("coordinator", "/desk?tab=todo&organisation=hlm-b")]
LISTS = [
    (who, f"/reports?{query}")
    for who in ("hlm-a", "agent", "planner", "coordinator")
    for query in ("", "state=new", "theme=cleanliness", "organisation=hlm-a", "due=over&organisation=hlm-a")
]


@pytest.mark.slow
def test_every_list_finds_its_reports_by_index(large: DeskWorld) -> None:
    """Also its second page."""
    for who, address in DESKS + LISTS:
        _kept, told = plans(large, who, address)
        assert "Index" in told, (who, address)
        assert "Seq Scan on report" not in told, (who, address, told)


# The list's own index, and not one that happens to hold the rows too: with the years those grow, and these do not.
OWN_INDEX = {
    ("hlm-a", "/desk?tab=todo"): {"report_due_idx"},
    ("hlm-a", "/desk?tab=soon"): {"report_due_idx"},
    ("hlm-a", "/desk?tab=reply"): {"report_asked_idx", "report_unrouted_idx"},
    ("hlm-a", "/desk?tab=waiting"): {"report_paused_idx", "report_passed_idx"},
    ("hlm-a", "/desk?tab=verify"): {"report_verify_idx"},
    ("coordinator", "/desk?tab=verify"): {"report_resolved_idx"},
}


@pytest.mark.slow
def test_each_list_of_the_desk_has_its_own_index(large: DeskWorld) -> None:
    """It holds only what such a list can show."""
    for (who, address), wanted in OWN_INDEX.items():
        _kept, told = plans(large, who, address)
        page = told[: told.index("\n\n")]
        assert set(re.findall(r"report_\w+_idx", page)) == wanted, (address, page)


@pytest.mark.slow
def test_the_next_page_too(large: DeskWorld) -> None:
    moment = large.sql("SELECT due_at, received_at, id FROM report ORDER BY id LIMIT 1")[0]
    for who, address, at in (
        ("hlm-a", "/desk?tab=todo", moment.due_at),
        ("hlm-a", "/desk?tab=verify", moment.received_at),
        ("coordinator", "/desk?tab=verify", moment.received_at),
        ("hlm-a", "/reports?", moment.received_at),
    ):
        _kept, told = plans(large, who, f"{address}&after={at.isoformat().replace('+', '%2B')}~{moment.id}")
        assert "Index" in told, address
        assert "Seq Scan on report" not in told, (address, told)


@pytest.mark.slow
def test_a_page_asks_so_many_questions_and_no_more(large: DeskWorld) -> None:
    """However long the list is: none of them is asked once a row."""
    # Who asks (two), organisations, the page, the numbers on the tabs, kept filters.
    budgets = {"/desk": 7, "/desk?tab=verify": 7, "/desk?tab=interventions": 6, "/reports": 5}
    assert {address: len(statements(large, address)) for address in budgets} == budgets
    dashboard = statements(large, "/dashboard")
    # One a place that things come back to, of forty candidates at most.
    places = [one for one in dashboard if "some metres of a point" in one]
    assert (len(dashboard) - len(places), len(places) <= 40) == (9, True)


def test_what_is_kept_is_what_is_not_emptied() -> None:
    """The large register is emptied as every other test's."""
    assert "report" not in KEPT
