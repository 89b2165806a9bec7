"""Zip files, unpacked into a private folder with bounds: a bomb, a path upwards or a password each stop the read."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from geodata.records import SourceError

MAX_MEMBERS = 2000
MAX_UNPACKED_BYTES = 2 << 30
CHUNK_BYTES = 1 << 20


@contextmanager
def folder_of(path: Path, *, max_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[Path]:
    """The folder that holds the source: the path itself, or what its zip unpacks to (gone after the block).

    Raises:
        SourceError: nothing there, not a zip that can be read, or larger than `max_bytes` once unpacked.

    """
    if path.is_dir():
        yield path
        return
    if not is_zip(path):
        raise SourceError(f"{path.name}: neither a folder nor a zip file")
    with tempfile.TemporaryDirectory(prefix="quietude-geodata-") as name:
        _unpack(path, Path(name), max_bytes)
        yield Path(name)


def is_zip(path: Path) -> bool:
    """Whether the file says it is a zip (its first bytes, so that a damaged one is still called a damaged zip)."""
    with readable(path) as file:
        return file.read(4) in {b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"}


def readable(path: Path) -> IO[bytes]:
    """The file, open for reading.

    Raises:
        SourceError: it is missing, empty, a folder, or not ours to read.

    """
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path.name}: the file is empty")
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None


def _unpack(path: Path, folder: Path, max_bytes: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) > MAX_MEMBERS:
                raise SourceError(f"{path.name}: {len(members)} files in one zip (at most {MAX_MEMBERS})")
            left = max_bytes
            for info in members:
                target = _target(folder, info.filename)
                if target is not None:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    left -= _copy(archive, info, target, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        # RuntimeError is how zipfile says that a password is needed.
        raise SourceError(f"{path.name}: the zip cannot be unpacked ({error})") from None


def _target(folder: Path, name: str) -> Path | None:
    """Where a member goes; None for names that point outside and for what macOS adds."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] in {"/", "__MACOSX"} or ":" in parts[0]:
        return None
    return folder.joinpath(*parts)


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Copy one member, counting the bytes that really come out, not those that the header promises."""
    written = 0
    with archive.open(info) as source, target.open("wb") as sink:
        while chunk := source.read(CHUNK_BYTES):
            written += len(chunk)
            if written > left:
                raise SourceError(f"{info.filename}: the zip unpacks to more than allowed; is it a zip bomb?")
            sink.write(chunk)
    return written
