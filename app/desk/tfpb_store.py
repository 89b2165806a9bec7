"""All SQL of the TFPB ledger. Frozen rows come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement


@dataclass(frozen=True)
class Axis:
    """One of the eight axes of the national framework, in its own words."""

    code: str
    label_fr: str
    label_en: str
    active: bool

    def label(self, locale: str) -> str:
        """The label in the reader's language."""
        return self.label_en if locale == "en" else self.label_fr


@dataclass(frozen=True)
class Entry:
    """What is claimed for one intervention, with the evidence behind it (as far as the actor sees it)."""

    intervention_id: UUID
    organisation: str
    organisation_slug: str
    axis: str
    axis_fr: str
    axis_en: str
    axis_position: int
    qpv_place_id: int | None
    qpv_code: str | None
    qpv: str | None
    year: int
    amount_eur: Decimal
    version: int
    kind_fr: str
    kind_en: str
    state: str
    starts_at: datetime
    ends_at: datetime
    neighbourhood: str | None
    hours: Decimal | None
    description: str | None
    reports: int
    photos: int
    is_synthetic: bool

    def axis_label(self, locale: str) -> str:
        """The axis in the reader's language."""
        return self.axis_en if locale == "en" else self.axis_fr

    def kind_label(self, locale: str) -> str:
        """The kind of intervention in the reader's language."""
        return self.kind_en if locale == "en" else self.kind_fr


_SELECT = statement("desk", "tfpb_entries")
_AXES = text("SELECT code, label_fr, label_en, active FROM tfpb_axis ORDER BY position, code")
_OF_YEAR = text(
    f"{_SELECT} WHERE tfpb_entry.year = :year"
    " AND (CAST(:slug AS text) IS NULL OR organisation.slug = :slug)"
    " ORDER BY organisation.name, qpv.name NULLS LAST, axis.position, intervention.starts_at, intervention.id"
)
_ONE = text(f"{_SELECT} WHERE tfpb_entry.intervention_id = :id")
_SAVE = text("""
    INSERT INTO tfpb_entry (intervention_id, organisation_id, axis_code, qpv_place_id, year, amount_eur, changed_at)
    VALUES (:id, :organisation_id, :axis, :qpv_place_id, :year, :amount_eur, :now)
    ON CONFLICT (intervention_id) DO UPDATE SET axis_code = :axis, qpv_place_id = :qpv_place_id, year = :year,
        amount_eur = :amount_eur, changed_at = :now, version = tfpb_entry.version + 1
    WHERE tfpb_entry.version = :version
""")
_REMOVE = text("DELETE FROM tfpb_entry WHERE intervention_id = :id")
_QPVS = text("SELECT id, code, name FROM place WHERE kind = 'qpv' AND closed_at IS NULL ORDER BY name, code LIMIT 500")
_IS_QPV = text("SELECT EXISTS (SELECT FROM place WHERE id = :id AND kind = 'qpv')")
_YEARS = text("SELECT DISTINCT year FROM tfpb_entry ORDER BY year DESC")


def axes(connection: Connection) -> tuple[Axis, ...]:
    """The axes, in the order of the national framework."""
    return tuple(Axis(**row) for row in connection.execute(_AXES).mappings())


def entries(connection: Connection, year: int, organisation: str | None) -> tuple[Entry, ...]:
    """The entries of a year that the actor may see, by landlord, QPV and axis."""
    return tuple(Entry(**row) for row in connection.execute(_OF_YEAR, {"year": year, "slug": organisation}).mappings())


def get(connection: Connection, intervention_id: UUID) -> Entry | None:
    """The entry of one intervention, if the actor may see it."""
    row = connection.execute(_ONE, {"id": intervention_id}).mappings().one_or_none()
    return None if row is None else Entry(**row)


def save(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Store it anew, or change it if its version is still `version` (None: there was none); whether it was."""
    return connection.execute(_SAVE, dict(values)).rowcount == 1


def remove(connection: Connection, intervention_id: UUID) -> bool:
    """Take it out; whether it was there."""
    return connection.execute(_REMOVE, {"id": intervention_id}).rowcount == 1


def qpvs(connection: Connection) -> tuple[tuple[int, str, str], ...]:
    """The open priority neighbourhoods: id, code, name."""
    return tuple((int(row.id), str(row.code), str(row.name)) for row in connection.execute(_QPVS))


def is_qpv(connection: Connection, place_id: int) -> bool:
    """Whether this place is a priority neighbourhood."""
    return bool(connection.execute(_IS_QPV, {"id": place_id}).scalar_one())


def years(connection: Connection) -> tuple[int, ...]:
    """The years that have entries which the actor may see, the latest first."""
    return tuple(int(year) for year in connection.scalars(_YEARS))
