"""The frame of a CSV file (RFC 4180, UTF-8) around streamed lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
# As in sql/events_csv.sql.
EVENTS = ("event", "report", "category", "kind", "from_state", "to_state", "at", "role", "organisation", "details")


def frame(columns: tuple[str, ...], chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The header together with the first chunk, then the others. A file without rows is its header."""
    start = ",".join(columns).encode() + b"\n"
    for chunk in chunks:
        yield start + chunk
        start = b""
    if start:
        yield start
