"""manifest.toml as frozen records: who publishes what, under which licence, and what we ship ourselves."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("manifest.toml")


@dataclass(frozen=True)
class Source:
    """One official source; `dataset` is the KIND of `quietude geodata import`."""

    id: str
    dataset: str
    title: str
    publisher: str
    url: str
    licence: str
    crs: str
    formats: tuple[str, ...]
    columns: tuple[str, ...]
    date: str


@dataclass(frozen=True)
class Shipped:
    """One file of our own, with the SHA-256 of its bytes."""

    file: str
    title: str
    licence: str
    crs: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """All of it, in the order of the file."""

    sources: tuple[Source, ...]
    shipped: tuple[Shipped, ...]

    def source_of(self, dataset: str) -> Source | None:
        """The first source named for the dataset."""
        return next((source for source in self.sources if source.dataset == dataset), None)


def load_manifest() -> Manifest:
    """Read the manifest; an unknown or missing key is a TypeError."""
    with PATH.open("rb") as file:
        content = tomllib.load(file)
    return Manifest(
        sources=tuple(_source(entry) for entry in content["source"]),
        shipped=tuple(Shipped(**entry) for entry in content["shipped"]),
    )


def _source(entry: dict[str, Any]) -> Source:
    return Source(**{**entry, "formats": tuple(entry["formats"]), "columns": tuple(entry["columns"])})
