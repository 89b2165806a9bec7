"""Backup and restore of the embedded cluster, as its superuser: row-level security must not hide rows from a backup."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import IO

import psycopg2

from app.db import postgres
from app.db.cluster import DATABASE, PORT, SUPERUSER, Cluster
from app.db.running import running
from app.db.session import OWNER_ROLE
from app.errors import ClusterError

# The restored database grows beside the empty one, and they change names when it is whole.
BESIDE = f"{DATABASE}_restored"
EMPTIED = f"{DATABASE}_emptied"
# A row in any of these means that somebody works with this database.
DATA_TABLES = ("report", "account", "organisation")


def backup(cluster: Cluster, file: Path) -> int:
    """Write everything to `file` (pg_dump's custom format), whole or not at all; returns its bytes.

    Raises:
        ClusterError: the file exists, or pg_dump failed.

    """
    if file.exists():
        raise ClusterError(f"{file} exists already; a backup never overwrites another")
    part = file.with_name(f"{file.name}.part")
    try:
        # For the owner's eyes only: it holds password hashes.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as target, running(cluster):
            _run(cluster, "pg_dump", "--format=custom", f"--dbname={DATABASE}", stdout=target)
            os.fsync(target.fileno())
        part.rename(file)
    except OSError as error:
        raise ClusterError(f"cannot write {file}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(cluster: Cluster, file: Path) -> None:
    """Make the database what `file` says. It must be empty and unused; when anything fails it stays as it was.

    Raises:
        ClusterError: the database holds data or is in use, or the file is not a whole backup.

    """
    with file.open("rb") as source, running(cluster):
        with closing(cluster.connect(DATABASE)) as connection, connection.cursor() as cursor:
            _refuse_over_data(cursor)
        with closing(cluster.connect("postgres")) as connection, connection.cursor() as cursor:
            for leftover in (BESIDE, EMPTIED):
                cursor.execute(f"DROP DATABASE IF EXISTS {leftover}")
            cursor.execute(f"CREATE DATABASE {BESIDE} OWNER {OWNER_ROLE} TEMPLATE template0")
            try:
                options = ["--exit-on-error", "--single-transaction", f"--dbname={BESIDE}"]
                _run(cluster, "pg_restore", *options, stdin=source)
                _renumber_transactions(cluster)
                _exchange(cursor)
            finally:
                for leftover in (BESIDE, EMPTIED):
                    cursor.execute(f"DROP DATABASE IF EXISTS {leftover}")


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
        said = postgres.reason(done.stderr.decode("utf-8", "replace"), Path(stdout.name if stdout else "the database"))
        raise ClusterError(f"{name} failed: {said}")
