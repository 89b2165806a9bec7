"""Backup and restore: whole, never over data, and usable by the increments afterwards."""

from __future__ import annotations

import hashlib
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from app.db.archive import Writer
from app.db.backup import Saved, backup, restore
from app.db.cluster import Cluster
from app.db.migrate import migrate
from app.db.running import keep
from app.errors import ClusterError
from app.photos.decode import Picture
from app.photos.files import PhotoFiles

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
    assert backup(full, file) == Saved(file.stat().st_size, 0, 0)
    assert file.stat().st_size > 10_000
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


@pytest.mark.parametrize("keep", [0, 5, 0.5, 0.9])
def test_what_is_not_a_whole_backup_changes_nothing(full: Cluster, empty: Cluster, folder: Path, keep: float) -> None:
    file = folder / "dump"
    size = backup(full, file).size_bytes
    with file.open("r+b") as damaged:
        damaged.truncate(int(keep * size) if 0 < keep < 1 else int(keep))
    with pytest.raises(ClusterError, match=r"is not a whole backup: [^\n]+$"):
        restore(empty, file)
    assert ask(empty, "SELECT count(*) FROM organisation") == (0,)
    assert ask(empty, "SELECT count(*) FROM pg_database WHERE datname LIKE 'quietude%'") == (1,)


# ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_photo(cluster: Cluster, jpeg: bytes) -> bytes:
    """A photo of the report, as uploads store it: the file, then the row."""
    sha256 = hashlib.sha256(jpeg).digest()
    PhotoFiles(cluster.var_dir / "photos").write(sha256, Picture(jpeg, jpeg[:3], 4, 3))
    ask(
        cluster,
        f"""
        INSERT INTO account (email, fs_uniquifier, organisation_id, role_id)
        SELECT 'a@ville.example', 'a', organisation.id, role.id FROM organisation, role WHERE role.name = 'agent'
        ON CONFLICT DO NOTHING;
        INSERT INTO photo (id, report_id, position, stage, sha256, width_px, height_px, size_bytes, body_sha256,
                           received_at, organisation_id, account_id)
        SELECT gen_random_uuid(), report.id, 1 + (SELECT count(*) FROM photo), 'before', '\\x{sha256.hex()}', 4, 3, 9,
               sha256('x'), now(), account.organisation_id, account.id FROM report, account
        """,
    )
    return sha256


def photos_of(cluster: Cluster) -> dict[str, bytes]:
    """Every file of the pictures' folder."""
    root = cluster.var_dir / "photos"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_photos_come_back_with_their_rows_and_no_others(full: Cluster, empty: Cluster, folder: Path) -> None:
    add_photo(full, b"one picture")
    add_photo(full, b"another picture")
    kept = photos_of(full)
    PhotoFiles(full.var_dir / "photos").write(b"\0" * 32, Picture(b"nobody's", b"x", 4, 3))
    told: list[tuple[int, int]] = []
    saved = backup(full, folder / "whole", lambda done, total: told.append((done, total)))
    assert (saved.photos, saved.lost, told) == (2, 0, [(1, 2), (2, 2)])
    assert restore(empty, folder / "whole") == saved
    assert len(kept) == 4
    assert photos_of(empty) == kept


def test_a_photo_removed_meanwhile_is_in_neither_part(full: Cluster, empty: Cluster, folder: Path) -> None:
    """While the backup reads files, somebody removes a photo: its row goes, then its file."""
    hashes = [add_photo(full, b"one picture"), add_photo(full, b"another picture")]
    files = PhotoFiles(full.var_dir / "photos")
    removed: list[bytes] = []

    def remove_the_other(_done: int, _total: int) -> None:
        other = next(one for one in hashes if one not in read)
        if not removed:
            ask(full, f"UPDATE photo SET state = 'removed', sha256 = NULL WHERE sha256 = '\\x{other.hex()}'")
            files.remove(other)
            removed.append(other)

    read: list[bytes] = []
    add = Writer.add_picture

    def noted(self: Writer, sha256: bytes) -> bool:
        read.append(sha256)
        return add(self, sha256)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "add_picture", noted)
        saved = backup(full, folder / "whole", remove_the_other)
    assert (saved.photos, saved.lost) == (1, 0)
    restore(empty, folder / "whole")
    assert ask(empty, "SELECT count(*), count(sha256) FROM photo") == (2, 1)
    assert len(photos_of(empty)) == 2


def test_a_photo_without_its_file_is_said_not_hidden(full: Cluster, empty: Cluster, folder: Path) -> None:
    PhotoFiles(full.var_dir / "photos").remove(add_photo(full, b"a picture"))
    assert backup(full, folder / "whole").lost == 1
    assert restore(empty, folder / "whole").lost == 1


def test_a_backup_or_restore_that_is_stopped_leaves_nothing(full: Cluster, empty: Cluster, folder: Path) -> None:
    add_photo(full, b"one picture")

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(full, folder / "whole", stop)
    assert list(folder.glob("whole*")) == []
    backup(full, folder / "whole")
    with pytest.raises(KeyboardInterrupt):
        restore(empty, folder / "whole", stop)
    assert photos_of(empty) == {}
    assert ask(empty, "SELECT count(*) FROM report") == (0,)
    restore(empty, folder / "whole")
    assert photos_of(empty) == photos_of(full)


def test_a_dump_of_before_is_restored_and_says_what_it_lacks(full: Cluster, empty: Cluster, folder: Path) -> None:
    add_photo(full, b"one picture")
    command = [full.installation().program("pg_dump"), "--format=custom", f"--file={folder}/old", "--dbname"]
    subprocess.run([*command, full.psql_uri("superuser")], check=True)
    restored = restore(empty, folder / "old")
    assert (restored.photos, restored.lost, restored.has_photos) == (0, 1, False)
    assert ask(empty, COUNTS) == ask(full, COUNTS)
