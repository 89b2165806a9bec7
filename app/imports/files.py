"""Where the files of imports lie: a folder a batch under var/imports, readable by nobody else, served to nobody."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

PIECE_BYTES = 1 << 20


class TooLargeError(Exception):
    """More bytes than one file may have."""


class Folder:
    """The files of one batch."""

    def __init__(self, var_dir: Path, batch_id: UUID) -> None:
        self.path = var_dir / "imports" / str(batch_id)

    @property
    def upload(self) -> Path:
        """The file as it was sent."""
        return self.path / "upload"

    @property
    def rows(self) -> Path:
        """The same as CSV, where it was something else."""
        return self.path / "rows.csv"

    def refusals(self, *, of_check: bool) -> Path:
        """The refused rows, of the check or of the import."""
        return self.path / ("check.csv" if of_check else "refusals.csv")

    def keep(self, source: BinaryIO, most: int) -> tuple[int, bytes]:
        """Write the upload; its size and SHA-256.

        Raises:
            TooLargeError: it has more than `most` bytes; nothing is left of it.

        """
        self.path.mkdir(parents=True, mode=0o700)
        digest, size = hashlib.sha256(), 0
        with self.upload.open("wb") as file:
            while piece := source.read(PIECE_BYTES):
                size += len(piece)
                if size > most:
                    self.remove()
                    raise TooLargeError
                digest.update(piece)
                file.write(piece)
        return size, digest.digest()

    def remove(self) -> None:
        """Everything of this batch."""
        shutil.rmtree(self.path, ignore_errors=True)


def folders(var_dir: Path) -> Iterator[tuple[UUID, Path]]:
    """Every batch that has files."""
    root = var_dir / "imports"
    if not root.is_dir():
        return
    for path in root.iterdir():
        try:
            yield UUID(path.name), path
        except ValueError:
            continue
