"""The heat cube's only SQL: a full load and the changes since a snapshot, by binary COPY."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg2
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.heat.cube import VISIBILITIES, Array, Rows, joined, made_rows
from app.reports.rules import STATES, WITHDRAWN_STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.db.session import UnitOfWork

_SQL = Path(__file__).with_name("sql")
_ROWS = (_SQL / "rows.sql").read_text()
_CHANGED = (_SQL / "changed.sql").read_text()

# Binary COPY: each row is a field count, then each field's length and bytes, all big-endian.
COLUMNS = (
    ("number", ">i4"),
    ("day", ">i4"),
    ("category", ">i2"),
    ("organisation", ">i4"),
    ("severity", ">i2"),
    ("visibility", ">i2"),
    ("state", ">i2"),
    ("lon", ">f8"),
    ("lat", ">f8"),
)
_RECORD = np.dtype(
    [("fields", ">i2")] + [part for name, kind in COLUMNS for part in ((f"{name}_length", ">i4"), (name, kind))]
)
_HEADER_BYTES, _TRAILER_BYTES = 19, 2
_CHUNK_BYTES = 8_000_000
_WITHDRAWN = np.isin(STATES, sorted(WITHDRAWN_STATES))


@dataclass(frozen=True)
class Watermark:
    """Up to where the database was read: which incarnation of the table, and which transactions were visible."""

    incarnation: str
    snapshot: str

    @property
    def xmin(self) -> int:
        """Every transaction below was over."""
        return int(self.snapshot.partition(":")[0])


# A table that was truncated, rewritten or restored, a server that failed over or lost its last seconds, and deleted
# rows (only the owner can) leave no trace in changed_txid; each changes one of these, and the cube is loaded anew.
# The statistics come seconds late; the undo of an import, which deletes, is counted in the transaction that does it.
_WATERMARK = text("""
    SELECT concat_ws('/', pg_postmaster_start_time(), (SELECT oid FROM pg_database WHERE datname = current_database()),
                     pg_relation_filenode('report'), pg_stat_get_tuples_deleted('report'::regclass),
                     (SELECT count(*) FROM import_batch WHERE undone_at IS NOT NULL)) AS incarnation,
           pg_current_snapshot()::text AS snapshot
""")


def read_watermark(uow: UnitOfWork) -> Watermark:
    """Where the database stands now. Read before the rows: what commits in between comes twice, and is never lost."""
    row = uow.connection.execute(_WATERMARK).one()
    return Watermark(row.incarnation, row.snapshot)


@dataclass(frozen=True)
class Changes:
    """Rows that count, and the numbers of reports that no longer do."""

    rows: Rows
    gone: Array


class _Decoder:
    """The file that COPY writes to: turns the stream into Rows a few megabytes at a time."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._skip = _HEADER_BYTES
        self._rows: list[Rows] = []
        self._gone: list[Array] = []

    def write(self, data: bytes) -> int:
        self._bytes += data
        if len(self._bytes) >= _CHUNK_BYTES:
            self._decode()
        return len(data)

    def _decode(self) -> None:
        count = max(0, (len(self._bytes) - self._skip - _TRAILER_BYTES) // _RECORD.itemsize)
        end = self._skip + count * _RECORD.itemsize
        records = np.frombuffer(bytes(self._bytes[self._skip : end]), _RECORD)
        if (records["fields"] != len(COLUMNS)).any():
            raise ValueError("COPY answered with rows of another shape")
        del self._bytes[:end]
        self._skip = 0
        fields = {name: records[name].astype(kind.replace(">", "=")) for name, kind in COLUMNS}
        withdrawn = _WITHDRAWN[fields["state"]]
        self._gone.append(fields["number"][withdrawn])
        self._rows.append(made_rows(**{name: values[~withdrawn] for name, values in fields.items()}))

    def changes(self) -> Changes:
        self._decode()
        if len(self._bytes) != _TRAILER_BYTES:
            raise ValueError("COPY answered with rows of another shape")
        return Changes(joined(self._rows), np.concatenate(self._gone))


def _copy(uow: UnitOfWork, query: str, binds: Mapping[str, Any]) -> Changes:
    decoder = _Decoder()
    binds = {"visibilities": list(VISIBILITIES), "states": list(STATES), **binds}
    try:
        with uow.raw.cursor() as cursor:
            statement = cursor.mogrify(query, binds).decode()
            cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT binary)", decoder)
    except psycopg2.OperationalError as error:
        raise OperationalError("COPY report", None, error) from error
    return decoder.changes()


def load_all(uow: UnitOfWork) -> Changes:
    """Every report that counts. The actor must be SYSTEM: the cube filters by visibility itself."""
    uow.connection.execute(text("SET LOCAL statement_timeout = 0"))
    return _copy(uow, _ROWS, {})


def load_changed(uow: UnitOfWork, since: Watermark) -> Changes:
    """The reports changed by transactions that `since` did not see."""
    return _copy(uow, f"{_ROWS}\n{_CHANGED}", {"xmin": since.xmin, "snapshot": since.snapshot})
