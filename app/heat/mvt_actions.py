"""Vector tiles: clusters from the cube in memory, single reports from the database as the actor.

Signed in, everything counts what the actor may read, row by row: what its role reads comes from the cube, what its
organisation reads beyond that (partners and agents) from the database. Nobody signed in gets the published groups of
docs/decisions/0004-small-numbers.md as clusters, at no zoom finer than their square.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.db.session import unit_of_work
from app.heat.cache import Lru
from app.heat.cube import Choice, flags_table
from app.heat.mvt import POINTS_FROM_ZOOM, Placed, Tile, cluster_tile, placed
from app.heat.mvt_clusters import BASE_LEVEL, Cells, counted, counted_groups, counted_rows, level_of, together
from app.heat.mvt_store import BEYOND_ROLE, OwnCells, own_cells, reports_tile
from app.heat.points import Points
from app.heat.protect import theme_table
from app.heat.selection import Asked
from app.places.lattice import cell_column_row
from app.reports.rules import OPEN_STATES, STATES

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.heat.actions import Look
    from app.people.actor import Actor

_KEPT_BYTES = 32_000_000
_OPEN = [STATES.index(state) for state in OPEN_STATES]


@dataclass(frozen=True)
class Asking:
    """Who asks for what: the actor, and its look at the cube."""

    look: Look
    actor: Actor

    @property
    def tag(self) -> str:
        """Equal exactly when the clusters are, as far as the cube alone makes them."""
        nomenclature = self.look.kept.nomenclature
        # The labels are in the tile, and an agent sees less of the cube than a partner.
        parts = repr((self.look.key, self.actor.role == "agent", nomenclature.themes, nomenclature.categories))
        return hashlib.sha256(parts.encode()).hexdigest()[:32]

    @property
    def is_from_cube(self) -> bool:
        """Whether the clusters come from the cube alone."""
        return self.look.viewer.is_protected or self.actor.role not in BEYOND_ROLE

    @property
    def _asked(self) -> Asked:
        return self.look.asked(self.look.query.chosen)

    def _choice(self) -> Choice:
        choice = self._asked.choice()
        if self.actor.role != "agent":
            return choice
        # Of others' reports an agent reads the open ones.
        return replace(choice, flags=choice.flags & np.isin(flags_table()[2], _OPEN))

    def cells(self, level: int = BASE_LEVEL) -> Cells:
        """What the cube alone gives, in squares of BASE_LEVEL or, for those who read rows, a finer level."""
        nomenclature = self.look.kept.nomenclature
        themes = len(nomenclature.themes)
        if self.look.viewer.is_protected:
            groups = self.look.heat.sight(self.look.kept, self.look.viewer).groups
            return counted_groups(self._asked.groups(groups), themes)
        rows = self.look.kept.rows
        return counted_rows(rows, self._choice().of(rows), theme_table(nomenclature), themes, level)

    def own(self, found: OwnCells | None, level: int = BASE_LEVEL) -> list[Cells]:
        """The organisation's own reports in squares, where there are any."""
        if found is None or not len(found.reports):
            return []
        nomenclature = self.look.kept.nomenclature
        column, row = cell_column_row(found.cell_25m)
        middle = Points((column << 8 | 128).astype(np.uint32), (row << 8 | 128).astype(np.uint32), found.reports)
        theme = theme_table(nomenclature).take(found.category)
        return [counted(middle, theme, found.severity, len(nomenclature.themes), level)]


class VectorTiles:
    """One a process: what was counted, by filter and zoom."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cells: Lru[Cells] = Lru(_KEPT_BYTES, lambda cells: 500 + cells.nbytes)
        self._placed: Lru[Placed] = Lru(_KEPT_BYTES, lambda kept: 500 + kept.cells.nbytes + 16 * len(kept.cells))

    def body(self, asking: Asking, tile: Tile) -> bytes:
        """The tile as the actor may see it; no bytes when it is empty."""
        if tile.z >= POINTS_FROM_ZOOM and asking.actor.is_signed_in:
            with unit_of_work(self._engine, asking.actor) as uow:
                points = reports_tile(uow, asking.look.query.chosen, tile)
            if points is not None:
                return points
        return cluster_tile(self._clusters(asking, tile), tile, asking.look.kept.nomenclature)

    def _clusters(self, asking: Asking, tile: Tile) -> Placed:
        level = level_of(tile.z)
        if asking.look.viewer.is_protected:
            level = max(level, BASE_LEVEL)
        key = asking.tag, level
        if asking.is_from_cube:
            return self._placed.get(key, lambda: placed(together([self._cube(asking, level)], level)))
        with unit_of_work(self._engine, asking.actor) as uow:
            found = own_cells(uow, asking.actor, asking.look.query.chosen)
        own = asking.own(found, min(level, BASE_LEVEL))
        if not own:
            return self._placed.get(key, lambda: placed(together([self._cube(asking, level)], level)))
        return placed(together([self._cube(asking, level), *own], level))

    def _cube(self, asking: Asking, level: int) -> Cells:
        """The finest squares that a level is made from."""
        finest = min(level, BASE_LEVEL)
        return self._cells.get((asking.tag, finest), lambda: asking.cells(finest))


def fitting(asking: Asking) -> Asking:
    """Without what a vector tile does not depend on: the bandwidth and the measure of the surface."""
    query = asking.look.query
    plain = type(query)(query.chosen)
    return replace(asking, look=replace(asking.look, query=plain))
