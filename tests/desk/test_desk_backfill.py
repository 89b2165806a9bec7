"""A register of the release before gets its times from its history, without a new version of any report."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from app.db.cluster import Cluster
from app.db.migrate import _config

NAME = "quietude_before"
# id, state, and its history: kind, state that it came to, hours after it was received, seconds of a question's pause.
STORIES: dict[int, tuple[str, list[tuple[str, str | None, float, float | None]]]] = {
    1: ("new", [("created", "new", 0, None)]),
    2: ("verified", [("acknowledge", "acknowledged", 5, None), ("answer", None, 8, 3600), ("answer", None, 9, 60.4),
                     ("resolve", "resolved", 10, None), ("verify", "verified", 20, None)]),
    3: ("acknowledged", [("acknowledge", "acknowledged", 1, None), ("transfer", "new", 4, None),
                         ("acknowledge", "acknowledged", 9, None)]),
    4: ("reopened", [("resolve", "resolved", 3, None), ("reopen", "reopened", 7, None)]),
}  # fmt: skip
# held_since, acknowledged_at, resolved_at in hours after it was received; paused_s.
KEPT = {1: (None, None, None, 0), 2: (None, 5, 10, 3660), 3: (4, 9, None, 0), 4: (None, 3, None, 0)}
_REPORT = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at)
    VALUES (CAST(lpad(CAST(:n AS text), 32, '0') AS uuid), 'x', ST_SetSRID(ST_MakePoint(2, 49), 4326), 1, 2, :state,
            'public', timestamptz '2026-05-04', timestamptz '2026-05-04')
""")
_EVENT = text("""
    INSERT INTO report_event (report_id, at, kind, to_state, role, details)
    VALUES (CAST(lpad(CAST(:n AS text), 32, '0') AS uuid), timestamptz '2026-05-04' + :hours * interval '1 hour', :kind,
            :to_state, 'system', CASE WHEN CAST(:paused_s AS float8) IS NULL THEN '{}'
                ELSE jsonb_build_object('paused_s', CAST(:paused_s AS float8)) END)
""")
_TOOK = text("""
    SELECT extract(epoch FROM held_since - received_at) / 3600,
        extract(epoch FROM acknowledged_at - received_at) / 3600,
        extract(epoch FROM resolved_at - received_at) / 3600, paused_s, version
    FROM report ORDER BY id
""")


@pytest.fixture
def before(cluster: Cluster, owner_url: str) -> Iterator[tuple[str, str]]:
    """The addresses, as superuser and as owner, of a database at the revision before."""
    everything = create_engine(cluster.url("superuser"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with everything.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {NAME} OWNER quietude_owner"))
    superuser, owner = (
        make_url(url).set(database=NAME).render_as_string(hide_password=False)
        for url in (cluster.url("superuser"), owner_url)
    )
    inside = create_engine(superuser, poolclass=NullPool)
    with inside.begin() as connection:
        connection.execute(text("CREATE EXTENSION postgis"))
        connection.execute(text("GRANT ALL ON SCHEMA public TO quietude_owner"))
    command.upgrade(_config(owner), "0002")
    yield superuser, owner
    with everything.connect() as connection:
        connection.execute(text(f"DROP DATABASE {NAME} WITH (FORCE)"))


def test_times_come_from_the_history(before: tuple[str, str]) -> None:
    superuser, owner = before
    engine = create_engine(superuser, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for n, (state, story) in STORIES.items():
            connection.execute(_REPORT, {"n": n, "state": state})
            for kind, to_state, hours, paused_s in story:
                binds = {"kind": kind, "to_state": to_state, "hours": hours, "paused_s": paused_s}
                connection.execute(_EVENT, binds | {"n": n})
    command.upgrade(_config(owner), "head")
    with engine.connect() as connection:
        found = [tuple(None if value is None else float(value) for value in row) for row in connection.execute(_TOOK)]
        forced = connection.scalars(
            text("SELECT relforcerowsecurity FROM pg_class WHERE relname IN ('report', 'report_event')")
        )
        assert list(forced) == [True, True]
    assert found == [(*KEPT[n], 1) for n in STORIES]
