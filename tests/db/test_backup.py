"""Backup and restore: whole, never over data, and usable by the increments afterwards."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from app.db.backup import backup, restore
from app.db.cluster import Cluster
from app.db.migrate import migrate
from app.db.running import keep
from app.errors import ClusterError

from .conftest import Make

COUNTS = (
    "SELECT (SELECT count(*) FROM report), (SELECT count(*) FROM report_event), (SELECT count(*) FROM organisation),"
    " (SELECT string_agg(version::text, ',') FROM report)"
)


def ask(cluster: Cluster, statement: str) -> Any:
    with closing(cluster.connect("quietude")) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


@pytest.fixture
def full(make: Make, folder: Path) -> Cluster:
    """A migrated cluster with a restricted report that has been changed once: what policies would hide."""
    cluster: Cluster = make(folder / "full" / "var")
    keep(cluster)
    migrate(cluster.url("owner"))
    ask(
        cluster,
        """
        INSERT INTO organisation (slug, name, kind) VALUES ('ville', 'Ville', 'city');
        INSERT INTO category (code, theme_code, kind, visibility, deadline_hours, default_severity, responsible,
                              label_fr, label_en, position)
        VALUES ('bin', 'cleanliness', 'defect', 'restricted', 24, 2, 'city', 'Corbeille', 'Bin', 1);
        INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at)
        VALUES (gen_random_uuid(), 'bin', ST_SetSRID(ST_Point(2.3, 49.9), 4326), 1, 2, 'restricted', now());
        UPDATE report SET severity = 3;
        INSERT INTO report_event (report_id, kind, role) SELECT id, 'created', 'system' FROM report;
        """,
    )
    return cluster


@pytest.fixture
def empty(make: Make, folder: Path) -> Cluster:
    cluster: Cluster = make(folder / "empty" / "var")
    keep(cluster)
    migrate(cluster.url("owner"))
    return cluster


def test_what_was_backed_up_comes_back(full: Cluster, empty: Cluster, folder: Path) -> None:
    file = folder / "with space.dump"
    assert backup(full, file) == file.stat().st_size > 10_000
    assert file.stat().st_mode & 0o777 == 0o600
    restore(empty, file)
    assert ask(empty, COUNTS) == ask(full, COUNTS) == (1, 1, 1, "2")
    assert ask(
        empty, "SELECT pg_get_userbyid(relowner), relforcerowsecurity FROM pg_class WHERE relname = 'report'"
    ) == (
        "quietude_owner",
        True,
    )
    migrate(empty.url("owner"))  # nothing left to do, and the owner may still do it
    names = "SELECT string_agg(datname, ',') FROM pg_database WHERE NOT datistemplate AND datname LIKE 'quietude%'"
    assert ask(empty, names) == ("quietude",)


def test_restored_reports_have_transaction_numbers_of_this_cluster(full: Cluster, empty: Cluster, folder: Path) -> None:
    """Increments are read up to the snapshot's horizon; a number from another cluster would lie beyond it for years."""
    foreign = "UPDATE report SET changed_txid = 4000000000; UPDATE report_event SET txid = '4000000000'"
    ask(
        full,
        f"SET session_replication_role = replica; {foreign}; UPDATE notification_cursor SET horizon = '4000000001'",
    )
    backup(full, folder / "dump")
    restore(empty, folder / "dump")
    reached = "SELECT bool_and(changed_txid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint) FROM report"
    assert ask(empty, reached) == (True,)
    # So is the history for mails: what was not told before the backup is told, and what happens from now on.
    read = "txid >= horizon AND txid < pg_snapshot_xmax(pg_current_snapshot())"
    assert ask(empty, f"SELECT bool_and({read}) FROM report_event, notification_cursor") == (True,)


def test_a_backup_starts_a_stopped_cluster_and_stops_it_again(full: Cluster, folder: Path) -> None:
    full.down()
    backup(full, folder / "dump")
    assert not full.is_running()


def test_a_backup_never_overwrites(full: Cluster, folder: Path) -> None:
    (folder / "dump").write_text("precious")
    with pytest.raises(ClusterError, match="exists already"):
        backup(full, folder / "dump")
    assert (folder / "dump").read_text() == "precious"


def test_a_failed_backup_leaves_no_file(full: Cluster, folder: Path) -> None:
    with pytest.raises(ClusterError, match="cannot write"):
        backup(full, folder / "nowhere" / "dump")
    ask(full, "ALTER TABLE report_event RENAME TO moved; UPDATE pg_class SET relname = 'report' WHERE false")
    assert list(folder.glob("*dump*")) == []


def test_never_over_data(full: Cluster, folder: Path) -> None:
    backup(full, folder / "dump")
    with pytest.raises(ClusterError, match="holds data"):
        restore(full, folder / "dump")
    assert ask(full, "SELECT count(*) FROM report") == (1,)


def test_never_under_somebody_connected(full: Cluster, empty: Cluster, folder: Path) -> None:
    backup(full, folder / "dump")
    with closing(psycopg2.connect(empty.psql_uri("app"))), pytest.raises(ClusterError, match="in use; stop the server"):
        restore(empty, folder / "dump")
    assert ask(empty, "SELECT count(*) FROM organisation") == (0,)
    restore(empty, folder / "dump")
    assert ask(empty, "SELECT count(*) FROM organisation") == (1,)


@pytest.mark.parametrize("keep", [0, 5, 0.5, 0.99])
def test_what_is_not_a_whole_backup_changes_nothing(full: Cluster, empty: Cluster, folder: Path, keep: float) -> None:
    file = folder / "dump"
    size = backup(full, file)
    with file.open("r+b") as damaged:
        damaged.truncate(int(keep * size) if 0 < keep < 1 else int(keep))
    with pytest.raises(ClusterError, match=r"^pg_restore failed: [^\n]+$"):
        restore(empty, file)
    assert ask(empty, "SELECT count(*) FROM organisation") == (0,)
    assert ask(empty, "SELECT count(*) FROM pg_database WHERE datname LIKE 'quietude%'") == (1,)
