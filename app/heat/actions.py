"""The heat map's use cases: a surface, a tile, the value at a place, the legend, the table by neighbourhood.

Everything is answered from the cube in memory; the database is asked for changes at most once a second.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import shapely

from app.heat import palette
from app.heat.cache import Lru
from app.heat.cube import Array, fingerprint
from app.heat.keeper import CubeKeeper, Kept
from app.heat.palette import LegendClass
from app.heat.protect import Groups, groups_of, no_groups, theme_table
from app.heat.selection import Asked, Period, Selection, readable, selected
from app.heat.surface import BANDWIDTH_DEFAULT_M, M2_PER_KM2, Points, Surface, density, within
from app.heat.tiles import pixel_places
from app.places.lattice import to_lambert93
from app.reports.filters import LOCAL_ZONE, ReportFilter

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.heat.store import PlaceShape
    from app.heat.viewer import Viewer

UNIT = "reports/km²/30 days"
# What all kept surfaces may take together; a city at 150 m takes about 1 MB.
SURFACES_BYTES = 96_000_000
_TABLES_BYTES = 1_000_000
_SIGHTS_BYTES = 4_000_000


@dataclass(frozen=True)
class HeatQuery:
    """What is asked for, whoever asks."""

    chosen: ReportFilter
    bandwidth_m: int = BANDWIDTH_DEFAULT_M
    measure: str = "count"


@dataclass(frozen=True)
class Picture:
    """A surface with what its legend says."""

    surface: Surface
    period: Period | None
    reports: int
    notices: tuple[str, ...]


@dataclass(frozen=True)
class PointValue:
    """The map's value at one place."""

    value: float
    unit: str
    measure: str
    bandwidth_m: int
    reports_within_bandwidth: int


@dataclass(frozen=True)
class Legend:
    """What the picture's colours and numbers mean."""

    classes: list[LegendClass]
    unit: str
    measure: str
    bandwidth_m: int
    reports: int
    from_date: date | None
    to_date: date | None
    is_protected: bool
    notices: tuple[str, ...]
    stale_since: datetime | None


@dataclass(frozen=True)
class PlaceCount:
    """One row of the table beside the map."""

    place_id: int
    name: str
    approximate: bool
    reports: int
    area_km2: float
    per_km2_30d: float


@dataclass(frozen=True)
class Sight:
    """What of the cube one kind of viewer may see.

    `version` changes exactly when that does: an ETag must not tell that a report came in which the viewer cannot see.
    """

    groups: Groups
    version: str


@dataclass(frozen=True)
class Look:
    """One request's view of one state of the cube."""

    heat: Heat
    kept: Kept
    query: HeatQuery
    viewer: Viewer
    today: date

    @property
    def stale_since(self) -> datetime | None:
        """When the data was last known to be current; None while it is."""
        return self.kept.as_of if self.kept.is_stale else None

    @property
    def key(self) -> str:
        """Equal exactly when the picture is, in every process; safe to show."""
        sight = self.heat.sight(self.kept, self.viewer)
        filters = self.query.chosen.query()
        parts = [sight.version, self.heat.k, self.viewer.name, self.today.isoformat(), filters]
        parts += [self.query.bandwidth_m, self.query.measure]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def selection(self) -> Selection:
        """The points to draw."""
        asked = Asked(self.query.chosen, self.viewer, self.today, self.kept.nomenclature)
        return selected(self.kept.rows, self.heat.sight(self.kept, self.viewer).groups, asked)

    def picture(self) -> Picture:
        """The surface, made once for all tiles."""
        return self.heat.surfaces.get(self.key, self._drawn)

    def _drawn(self) -> Picture:
        selection = self.selection()
        surface = density(selection.points, self.query.bandwidth_m, scale=selection.scale)
        return Picture(surface, selection.period, round(selection.points.mass), selection.notices)

    def tile(self, z: int, x: int, y: int) -> bytes:
        """A palette PNG of 256 × 256 pixels."""
        surface = self.picture().surface
        return palette.png(palette.classes(surface.at(*pixel_places(z, x, y)), surface.peak))

    def point(self, lon: float, lat: float) -> PointValue:
        """The value at one place, as the tiles draw it."""
        east_m, north_m = (float(axis) for axis in to_lambert93(np.array(lon), np.array(lat)))
        value = float(self.picture().surface.at(np.array([east_m]), np.array([north_m]))[0])
        near = within(self.selection().points, east_m, north_m, self.query.bandwidth_m)
        return PointValue(
            value=float(f"{value:.4g}"),
            unit=UNIT,
            measure=self.query.measure,
            bandwidth_m=self.query.bandwidth_m,
            reports_within_bandwidth=self._shown(near),
        )

    def _shown(self, sum_of_weights: float) -> int:
        """A count for the viewer: an area may hold a part of a group, which is not shown as a number below k."""
        count = round(sum_of_weights)
        return 0 if self.viewer.is_protected and count < self.heat.k else count

    def legend(self) -> Legend:
        """The classes, and what was counted."""
        picture = self.picture()
        period = picture.period
        return Legend(
            classes=palette.legend(picture.surface.peak),
            unit=UNIT,
            measure=self.query.measure,
            bandwidth_m=self.query.bandwidth_m,
            reports=picture.reports,
            from_date=period.first if period else None,
            to_date=period.last if period else None,
            is_protected=self.viewer.is_protected,
            notices=picture.notices,
            stale_since=self.stale_since,
        )

    def table(self) -> list[PlaceCount]:
        """The same reports by neighbourhood, most per km² first; places without any are left out."""
        return self.heat.tables.get((self.key, self.kept.neighbourhoods), self._counted)

    def _counted(self) -> list[PlaceCount]:
        selection = self.selection()
        inside = partial(_weight_inside, selection.points, *selection.points.metres())
        found = [(place, self._shown(inside(place))) for place in self.kept.neighbourhoods]
        rows = [_place_count(place, count, selection.scale) for place, count in found if count]
        return sorted(rows, key=lambda row: (-row.per_km2_30d, row.name, row.place_id))


def _weight_inside(points: Points, east: Array, north: Array, place: PlaceShape) -> float:
    west, south, right, top = place.shape_2154.bounds
    near = np.flatnonzero((east >= west) & (east <= right) & (north >= south) & (north <= top))
    shapely.prepare(place.shape_2154)
    chosen = near[shapely.intersects_xy(place.shape_2154, east[near], north[near])]
    return float(len(chosen)) if points.weight is None else float(points.weight[chosen].sum())


def _place_count(place: PlaceShape, count: int, scale: float) -> PlaceCount:
    area_km2 = place.shape_2154.area / M2_PER_KM2
    rate = count * scale / area_km2
    return PlaceCount(place.id, place.name, place.approximate, count, round(area_km2, 4), float(f"{rate:.4g}"))


def _picture_bytes(picture: Picture) -> int:
    return 10_000 + sum(window.values.nbytes for window in picture.surface.windows)


def _today() -> date:
    return datetime.now(LOCAL_ZONE).date()


class Heat:
    """One a process: the cube, and what was drawn from it."""

    def __init__(self, engine: Engine, k: int, *, today: Callable[[], date] = _today) -> None:
        self.k = k
        self.keeper = CubeKeeper(engine)
        self.surfaces: Lru[Picture] = Lru(SURFACES_BYTES, _picture_bytes)
        self.tables: Lru[list[PlaceCount]] = Lru(_TABLES_BYTES, lambda rows: 200 + 200 * len(rows))
        self._sights: Lru[Sight] = Lru(_SIGHTS_BYTES, lambda sight: 100_000 + 48 * len(sight.groups))
        self._today = today

    def look(self, kept: Kept, query: HeatQuery, viewer: Viewer) -> Look:
        """What one viewer sees of one state of the cube."""
        return Look(self, kept, query, viewer, self._today())

    def sight(self, kept: Kept, viewer: Viewer) -> Sight:
        """What the viewer may see of the cube."""
        themes = theme_table(kept.nomenclature)
        key = kept.version, themes.tobytes(), viewer.name
        return self._sights.get(key, lambda: self._seen(kept, viewer, themes))

    def _seen(self, kept: Kept, viewer: Viewer, themes: Array) -> Sight:
        if not viewer.has_groups:
            return Sight(no_groups(), f"{kept.version}/{hashlib.sha256(themes.tobytes()).hexdigest()}")
        groups = groups_of(kept.rows, themes, self.k, restricted_only=not viewer.is_protected)
        mask = readable(kept.rows, viewer)
        rows = kept.rows if mask.all() else kept.rows.take(mask)
        parts = [themes, *(getattr(groups, field.name) for field in fields(Groups))]
        digest = hashlib.sha256(f"{len(rows)}/{fingerprint(rows)}".encode())
        for part in parts:
            digest.update(np.ascontiguousarray(part).tobytes())
        return Sight(groups, digest.hexdigest())
