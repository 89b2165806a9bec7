"""Backup and restore of the embedded cluster and its pictures.

As the superuser: row-level security must not hide rows from a backup.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg2

from app.db import postgres
from app.db.archive import Progress, Writer, read_dump, unpack_pictures
from app.db.cluster import DATABASE, PORT, SUPERUSER, Cluster
from app.db.running import running
from app.db.session import OWNER_ROLE
from app.errors import ClusterError

# The restored database grows beside the empty one, and they change names when it is whole.
BESIDE = f"{DATABASE}_restored"
EMPTIED = f"{DATABASE}_emptied"
PHOTOS = "photos"
# A row in any of these means that somebody works with this database.
DATA_TABLES = ("report", "account", "organisation")


@dataclass(frozen=True)
class Saved:
    """What a backup or a restore has dealt with. lost: pictures that the database names and that are nowhere.

    has_photos: False for a dump of the database alone, as they were made before.
    """

    size_bytes: int
    photos: int
    lost: int
    has_photos: bool = True


def backup(cluster: Cluster, file: Path, progress: Progress = lambda _done, _all: None) -> Saved:
    """Write database and pictures to one `file`, whole or not at all; the server may go on.

    progress: told of pictures done and of all.

    Raises:
        ClusterError: the file exists, or pg_dump failed.

    """
    if file.exists():
        raise ClusterError(f"{file} exists already; a backup never overwrites another")
    part = file.with_name(f"{file.name}.part")
    try:
        # For the owner's eyes only: it holds password hashes.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as target, tempfile.TemporaryFile(dir=file.parent) as dump, running(cluster):
            writer = Writer(target, cluster.var_dir / PHOTOS)
            photos, lost = _save(cluster, writer, dump, progress)
            writer.finish(dump)
            target.flush()
            os.fsync(target.fileno())
        part.rename(file)
    except OSError as error:
        raise ClusterError(f"cannot write {file}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return Saved(file.stat().st_size, photos, lost)


def _save(cluster: Cluster, writer: Writer, dump: IO[bytes], progress: Progress) -> tuple[int, int]:
    """Pictures, then a dump that names no other; how many were saved, and how many are nowhere.

    Files change while we read: one that is covered or removed is first taken from its row. So a file that is missing
    means a look at the rows anew; one that is still named then is lost.
    """
    saved: set[bytes] = set()
    lost: set[bytes] = set()
    with closing(cluster.connect(DATABASE)) as connection, connection.cursor() as cursor:
        while True:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            named = _named(cursor)
            gone = set()
            for one in named - saved:
                if writer.add_picture(one):
                    saved.add(one)
                    progress(len(saved), len(named))
                else:
                    gone.add(one)
            if gone <= lost:
                break
            lost = gone
            cursor.execute("COMMIT")
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone() or ("",)
        options = ["--format=custom", f"--snapshot={snapshot}", f"--dbname={DATABASE}"]
        _run(cluster, "pg_dump", *options, stdout=dump)
    return len(named) - len(gone), len(gone)


def _named(cursor: psycopg2.extensions.cursor) -> set[bytes]:
    """The pictures that the database knows, by the SHA-256 of each."""
    cursor.execute("SELECT to_regclass('public.photo') IS NOT NULL")
    if cursor.fetchone() != (True,):
        return set()
    cursor.execute("SELECT DISTINCT sha256 FROM photo WHERE sha256 IS NOT NULL")
    return {bytes(sha256) for (sha256,) in cursor}


def restore(cluster: Cluster, file: Path, progress: Progress = lambda _done, _all: None) -> Saved:
    """Make database and pictures what `file` says. The database must be empty and unused; else it stays as it was.

    progress: told of pictures done and of all.

    Raises:
        ClusterError: the database holds data or is in use, or the file is not a whole backup.

    """
    try:
        with running(cluster), tempfile.TemporaryFile(dir=cluster.var_dir) as dump:
            with closing(cluster.connect(DATABASE)) as connection, connection.cursor() as cursor:
                _refuse_over_data(cursor)
            pictures = read_dump(file, dump)
            dump.seek(0)
            named = _restore(cluster, dump, (file, pictures or set()), progress)
    except OSError as error:
        raise ClusterError(f"cannot restore {file}: {error.strerror}") from error
    here = named & (pictures or set())
    return Saved(file.stat().st_size, len(here), len(named - here), has_photos=pictures is not None)


def _restore(cluster: Cluster, dump: IO[bytes], kept: tuple[Path, set[bytes]], progress: Progress) -> set[bytes]:
    """Database and pictures, or neither. kept: the archive and which pictures it has; returns those that are named."""
    file, pictures = kept
    written: list[Path] = []
    with closing(cluster.connect("postgres")) as connection, connection.cursor() as cursor:
        for leftover in (BESIDE, EMPTIED):
            cursor.execute(f"DROP DATABASE IF EXISTS {leftover}")
        cursor.execute(f"CREATE DATABASE {BESIDE} OWNER {OWNER_ROLE} TEMPLATE template0")
        try:
            options = ["--exit-on-error", "--single-transaction", f"--dbname={BESIDE}"]
            _run(cluster, "pg_restore", *options, stdin=dump)
            _renumber_transactions(cluster)
            with closing(cluster.connect(BESIDE)) as beside, beside.cursor() as restored:
                named = _named(restored)
            if named & pictures:
                for path in unpack_pictures(file, cluster.var_dir / PHOTOS, named & pictures, progress):
                    written.append(path)  # noqa: PERF402  (kept when the next one fails)
                os.sync()  # a row must not outlive its file in a power cut
            _exchange(cursor)
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise
        finally:
            for leftover in (BESIDE, EMPTIED):
                cursor.execute(f"DROP DATABASE IF EXISTS {leftover}")
    return named


def _refuse_over_data(cursor: psycopg2.extensions.cursor) -> None:
    for table in DATA_TABLES:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",))
        if cursor.fetchone() != (True,):
            continue
        cursor.execute(f"SELECT 1 FROM public.{table} LIMIT 1")  # noqa: S608  (a name of ours)
        if cursor.fetchone() is not None:
            raise ClusterError(f"the database holds data (table {table}); restore only into an empty one")


def _renumber_transactions(cluster: Cluster) -> None:
    """Give every report a transaction number of this cluster.

    The numbers in a backup are those of the cluster it came from; readers of increments go by them, and would wait
    for a number that this cluster reaches years later.
    """
    with closing(cluster.connect(BESIDE)) as connection, connection.cursor() as cursor:
        # No triggers: nothing happened to these reports, so their version stays.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE report SET changed_txid = pg_current_xact_id()::text::bigint")
        cursor.execute("SELECT to_regclass('public.notification_cursor') IS NOT NULL")  # not before revision 0003
        if cursor.fetchone() == (True,):
            # The history is read for mails in the same way; what was announced before is not announced again.
            cursor.execute("UPDATE notification_cursor SET horizon = pg_current_xact_id()")
            cursor.execute("UPDATE report_event SET txid = pg_current_xact_id() WHERE at > now() - interval '7 days'")
        cursor.execute("ANALYZE")


def _exchange(cursor: psycopg2.extensions.cursor) -> None:
    try:
        cursor.execute("BEGIN")
        cursor.execute(f"ALTER DATABASE {DATABASE} RENAME TO {EMPTIED}")
        cursor.execute(f"ALTER DATABASE {BESIDE} RENAME TO {DATABASE}")
        cursor.execute("COMMIT")
    except psycopg2.errors.ObjectInUse:
        cursor.execute("ROLLBACK")
        raise ClusterError("the database is in use; stop the server before a restore") from None


def _run(
    cluster: Cluster, name: str, *options: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
) -> None:
    program = cluster.installation().program(name)
    where = [f"--host={cluster.socket_dir()}", f"--port={PORT}", f"--username={SUPERUSER}", "--no-password"]
    done = subprocess.run(
        [program, *where, *options],
        check=False,
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=postgres.ENVIRONMENT,
    )
    if done.returncode != 0:
        said = postgres.reason(done.stderr.decode("utf-8", "replace"), Path("the database"))
        raise ClusterError(f"{name} failed: {said}")
