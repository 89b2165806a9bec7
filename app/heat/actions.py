"""The heat map's use cases: a picture, a tile, the value at a place, the legend, the table by places.

Everything is answered from the cube in memory; the database is asked for changes at most once a second.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from app.heat import palette
from app.heat.cache import Lru
from app.heat.cube import Array, fingerprint
from app.heat.drawing import Drawing, Picture
from app.heat.edge import Edge, Territory, edge_of
from app.heat.exposure import KINDS
from app.heat.keeper import CubeKeeper, Kept
from app.heat.measures import RATE, UNITS, Measure
from app.heat.palette import LegendClass
from app.heat.points import within
from app.heat.protect import Groups, groups_of, no_groups, theme_table
from app.heat.selection import Asked, Period, Selection, readable, selected
from app.heat.surface import BANDWIDTH_DEFAULT_M, Surface
from app.heat.tables import PlaceCount, place_counts
from app.heat.tiles import TILE_PIXELS, inside, pixel_places
from app.places.lattice import to_lambert93
from app.reports.filters import LOCAL_ZONE, ReportFilter

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.heat.layers import Layer
    from app.heat.viewer import Viewer

# The tables' unit, whatever the measure: they always count.
UNIT = RATE
# What all kept pictures may take together; a city at 150 m takes about 1 MB.
PICTURES_BYTES = 96_000_000
_EDGES_BYTES = 48_000_000
_EXPOSED_BYTES = 32_000_000
_TABLES_BYTES = 1_000_000
_SIGHTS_BYTES = 4_000_000
_OUTSIDES_BYTES = 8_000_000


@dataclass(frozen=True)
class HeatQuery:
    """What is asked for, whoever asks."""

    chosen: ReportFilter
    bandwidth_m: int = BANDWIDTH_DEFAULT_M
    measured: Measure = field(default_factory=Measure)
    # Where the classes end, for pictures that are to be compared; None: where this picture's own do.
    top: float | None = None

    @property
    def measure(self) -> str:
        """Its code."""
        return self.measured.code

    @property
    def unit(self) -> str:
        """What values are in."""
        return KINDS[self.measured.exposure].unit if self.measured.exposure else UNITS[self.measure]


@dataclass(frozen=True)
class PointValue:
    """The map's value at one place; None where it is not known, and `meaning` says why (words.MEANINGS)."""

    value: float | None
    unit: str
    measure: str
    bandwidth_m: int
    reports_within_bandwidth: int
    meaning: str = ""


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
    against: Period | None = None
    reports_before: int | None = None
    measured: Measure = field(default_factory=Measure)


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
        organisation = self.kept.organisation(self.query.chosen.organisation or "")
        parts = [sight.version, self.heat.k, self.viewer.name, self.today.isoformat(), filters]
        parts += [organisation.id if organisation else None]
        parts += [self.query.bandwidth_m, asdict(self.query.measured), self.kept.reference.version]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def territory(self) -> Territory | None:
        """Where the map ends."""
        return self.kept.reference.territory

    def asked(self, chosen: ReportFilter) -> Asked:
        """A filter as this viewer asks it."""
        organisations = {one.slug: one.id for one in self.kept.organisations}
        return Asked(chosen, self.viewer, self.today, self.kept.nomenclature, organisations)

    def selection(self) -> Selection:
        """The counted points, exact or in groups, of the filter as it stands: what tables and counts are made of."""
        groups = self.heat.sight(self.kept, self.viewer).groups
        return selected(self.kept.rows, groups, self.asked(self.query.chosen))

    def picture(self) -> Picture:
        """The measure's layer, made once for all tiles."""
        return self.heat.pictures.get(self.key, Drawing(self).picture)

    def _layer(self) -> Layer:
        """The picture's layer, with the classes that were asked for."""
        layer = self.picture().layer
        return layer if self.query.top is None else layer.up_to(self.query.top)

    def tile(self, z: int, x: int, y: int, pixels_per_point: int = 1) -> bytes:
        """A palette PNG of 256 × 256 pixels, or of twice that for `pixels_per_point` 2."""
        layer = self._layer()
        pixels = TILE_PIXELS * pixels_per_point
        classes = layer.classes(*pixel_places(z, x, y, pixels), pixels_per_point)
        if self.territory is not None and classes.any():
            outside = self.heat.outside(self.territory, (z, x, y), pixels)
            if outside.size:
                classes[outside] = 0
        return palette.png(classes, layer.palette)

    def point(self, lon: float, lat: float) -> PointValue:
        """The value at one place, as the tiles draw it."""
        east_m, north_m = (float(axis) for axis in to_lambert93(np.array(lon), np.array(lat)))
        found = self.picture().layer.place(east_m, north_m)
        value, meaning = found.value, found.meaning
        if self.territory is not None and not self.territory.covers(np.array(east_m), np.array(north_m)):
            # Nothing is registered there: the rates are 0, the rest has no meaning.
            value, meaning = (0.0 if self.query.measure in {"count", "weighted"} else None), "outside"
        near = within(Drawing(self).counted().selection.points, east_m, north_m, self.query.bandwidth_m)
        return PointValue(
            value=None if value is None else float(f"{value:.4g}"),
            unit=self.query.unit,
            measure=self.query.measure,
            bandwidth_m=self.query.bandwidth_m,
            reports_within_bandwidth=self._shown(near),
            meaning=meaning,
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
            classes=self._layer().legend(),
            unit=self.query.unit,
            measure=self.query.measure,
            bandwidth_m=self.query.bandwidth_m,
            reports=picture.reports,
            from_date=period.first if period else None,
            to_date=period.last if period else None,
            is_protected=self.viewer.is_protected,
            notices=picture.notices,
            stale_since=self.stale_since,
            against=picture.against,
            reports_before=picture.reports_before,
            measured=self.query.measured,
        )

    def table(self, by: str = "neighbourhood") -> list[PlaceCount]:
        """The same reports by places, most per km² (by stop: most) first; places without any are left out.

        by: one of reference.TABLES.
        """
        return self.heat.tables.get((self.key, by), partial(self._counted, by))

    def _counted(self, by: str) -> list[PlaceCount]:
        counted = Drawing(self).counted()
        return place_counts(self.kept.reference.places.get(by, ()), by, counted, self._shown)


def _today() -> date:
    return datetime.now(LOCAL_ZONE).date()


class Heat:
    """One a process: the cube, and what was drawn from it."""

    def __init__(self, engine: Engine, k: int, *, today: Callable[[], date] = _today) -> None:
        self.k = k
        self.keeper = CubeKeeper(engine)
        self.pictures: Lru[Picture] = Lru(PICTURES_BYTES, lambda picture: picture.layer.nbytes)
        self.edges: Lru[Edge] = Lru(_EDGES_BYTES, lambda edge: edge.nbytes)
        self.exposed: Lru[Surface] = Lru(_EXPOSED_BYTES, lambda made: sum(w.values.nbytes for w in made.windows) + 1000)
        self.tables: Lru[list[PlaceCount]] = Lru(_TABLES_BYTES, lambda rows: 200 + 200 * len(rows))
        self._outsides: Lru[Array] = Lru(_OUTSIDES_BYTES, lambda outside: 500 + outside.nbytes)
        self._sights: Lru[Sight] = Lru(_SIGHTS_BYTES, lambda sight: 100_000 + 48 * len(sight.groups))
        self.today = today

    def look(self, kept: Kept, query: HeatQuery, viewer: Viewer) -> Look:
        """What one viewer sees of one state of the cube."""
        return Look(self, kept, query, viewer, self.today())

    def edge(self, territory: Territory | None, bandwidth_m: int) -> Edge | None:
        """The correction at the territory's border, made once a bandwidth."""
        if territory is None:
            return None
        return self.edges.get((territory.version, bandwidth_m), partial(edge_of, territory, bandwidth_m))

    def outside(self, territory: Territory, tile: tuple[int, int, int], pixels: int) -> Array:
        """Which of a tile's pixels lie outside, made once for all filters; empty when none does."""

        def made() -> Array:
            outside: Array = ~inside(territory.outline_3857, *tile, pixels)
            return outside if outside.any() else np.empty(0, np.bool_)

        return self._outsides.get((territory.version, tile, pixels), made)

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
