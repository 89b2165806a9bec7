"""Where pictures lie: `var/photos/ab/cd/abcd….jpg` and `….thumb.jpg`, named by the SHA-256 of the picture's bytes.

A file appears when it is whole (temporary file, fsync, rename) and never changes. Which files are needed is the
database's to know (app/photos/actions.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from app.photos.decode import Picture

WAITING = "tmp"
SHA256_HEX = 64


class StorageError(Exception):
    """The disk is full, or the folder is not ours to write to."""


@dataclass(frozen=True)
class PhotoFiles:
    """The folder of one installation."""

    root: Path

    def path(self, sha256: bytes, *, thumb: bool = False) -> Path:
        """Where this picture is, or would be."""
        name = sha256.hex()
        return self.root / name[:2] / name[2:4] / f"{name}{'.thumb' if thumb else ''}.jpg"

    def write(self, sha256: bytes, picture: Picture) -> None:
        """Store both sizes. The thumbnail first: whoever finds the picture finds its thumbnail.

        Raises:
            StorageError: it cannot be written.

        """
        try:
            self._write(self.path(sha256, thumb=True), picture.thumb)
            self._write(self.path(sha256), picture.jpeg)
        except OSError as error:
            raise StorageError(str(error)) from error

    def remove(self, sha256: bytes) -> None:
        """Take both sizes away; what is not there is no error."""
        self.path(sha256).unlink(missing_ok=True)
        self.path(sha256, thumb=True).unlink(missing_ok=True)

    def has(self, sha256: bytes) -> bool:
        """Whether both sizes are there."""
        return self.path(sha256).is_file() and self.path(sha256, thumb=True).is_file()

    def stored(self) -> Iterator[tuple[bytes, float]]:
        """Every picture or thumbnail that is there: its SHA-256 and when its file was written (Unix time)."""
        for path in self.root.glob("??/??/*.jpg"):
            name = path.name.partition(".")[0]
            with suppress(ValueError, FileNotFoundError):
                if len(name) == SHA256_HEX:
                    yield bytes.fromhex(name), path.stat().st_mtime

    def unfinished(self) -> Iterator[tuple[Path, float]]:
        """Temporary files, and when they were written: of uploads under way, or of a process that was killed."""
        for path in (self.root / WAITING).glob("*"):
            with suppress(FileNotFoundError):
                yield path, path.stat().st_mtime

    def _write(self, target: Path, content: bytes) -> None:
        if target.exists():
            return
        waiting = self.root / WAITING
        waiting.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = waiting / uuid4().hex
        try:
            descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(target)
        finally:
            temporary.unlink(missing_ok=True)
        # The names too, up to the root: a row must not outlive its file in a power cut.
        for folder in (target.parent, target.parent.parent, self.root):
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
