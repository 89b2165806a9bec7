"""One file that holds a whole register: a tar of its pictures, the database's dump, and a last word: it is whole."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.errors import ClusterError

DUMP = "database.dump"
END = "whole"
# What was written before pictures were in it: pg_dump's custom format alone.
_DUMP_ALONE = b"PGDMP"
# As app/photos/files.py lays them under var/photos.
_PICTURE = re.compile(r"photos/([0-9a-f]{2}/[0-9a-f]{2}/([0-9a-f]{64})(?:\.thumb)?\.jpg)", re.ASCII)
Progress = Callable[[int, int], object]


class Writer:
    """Writes an archive from front to end."""

    def __init__(self, target: IO[bytes], folder: Path) -> None:
        """folder: where the pictures are."""
        self._folder = folder
        self._tar = tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115  (finish)

    def add_picture(self, sha256: bytes) -> bool:
        """Both sizes of a picture. False: one of them is not there (any more)."""
        name = sha256.hex()
        place = f"{name[:2]}/{name[2:4]}/{name}"
        small, whole = self._folder / f"{place}.thumb.jpg", self._folder / f"{place}.jpg"
        try:
            with small.open("rb") as thumb, whole.open("rb") as picture:
                self._add(f"photos/{place}.thumb.jpg", thumb)
                self._add(f"photos/{place}.jpg", picture)
        except FileNotFoundError:
            return False
        return True

    def finish(self, dump: IO[bytes]) -> None:
        """The database, and that this is all."""
        self._add(DUMP, dump)
        self._tar.addfile(tarfile.TarInfo(END), io.BytesIO())
        self._tar.close()

    def _add(self, name: str, content: IO[bytes]) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = content.seek(0, io.SEEK_END), 0o600
        content.seek(0)
        self._tar.addfile(info, content)
        self._tar.members = []  # type: ignore[attr-defined]  # it would remember all of them


def read_dump(file: Path, into: IO[bytes]) -> set[bytes] | None:
    """Go through the archive to its end, copy the dump; the SHA-256 of its pictures, None in a dump without any.

    Raises:
        ClusterError: it is not a whole backup.

    """
    with file.open("rb") as source:
        if source.read(len(_DUMP_ALONE)) == _DUMP_ALONE:
            source.seek(0)
            shutil.copyfileobj(source, into)
            return None
    found: set[bytes] = set()
    last = ""
    with _members(file) as members:
        for last, content in members:
            picture = _PICTURE.fullmatch(last)
            if picture is not None and last.endswith(f"{picture[2]}.jpg"):  # after its thumbnail
                found.add(bytes.fromhex(picture[2]))
            elif last == DUMP:
                shutil.copyfileobj(content, into)
    if last != END:
        raise ClusterError(f"{file} is not a whole backup: it ends too early")
    return found


def unpack_pictures(file: Path, folder: Path, wanted: Collection[bytes], progress: Progress) -> Iterator[Path]:
    """Write the pictures that are wanted and not there; each file's path once it is there under its name.

    progress: told of pictures done and of all.
    """
    done = 0
    with _members(file) as members:
        for name, content in members:
            picture = _PICTURE.fullmatch(name)
            if picture is None or bytes.fromhex(picture[2]) not in wanted:
                continue
            target = folder / picture[1]
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                part = target.with_name(f"{target.name}.part")
                try:
                    part.touch(mode=0o600)
                    with part.open("wb") as written:
                        shutil.copyfileobj(content, written)
                    part.rename(target)
                finally:
                    part.unlink(missing_ok=True)
                yield target
            if name.endswith(f"{picture[2]}.jpg"):
                done += 1
                progress(done, len(wanted))


@contextmanager
def _members(file: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """Name and content of each file in it, to be read in turn."""
    try:
        with tarfile.open(file, "r|") as tar:
            yield _each(tar)
    except (tarfile.TarError, EOFError) as error:
        raise ClusterError(f"{file} is not a whole backup: {error}") from None


def _each(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    while (info := tar.next()) is not None:
        content = tar.extractfile(info)
        if content is not None:
            yield info.name, content
        tar.members = []  # type: ignore[attr-defined]  # it would remember all of them
