"""A small map as SVG: reference geography, and numbered places on it. Pure but for reading the shapes.

Drawn by the server for paper and for the page alike: it needs no JavaScript and asks nobody for tiles. Colours are
attributes, so that paper has them; the page's style sheet changes them by class.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from markupsafe import Markup, escape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection

from app.places import store
from app.places.lattice import transformer

# What is drawn under the numbers, from the ground up: kind → class, fill, stroke, width.
LAYERS = {
    "commune": ("map-commune", "#fdfcf9", "#4a5861", 1.4),
    "neighbourhood": ("map-neighbourhood", "none", "#c9c2b4", 1.0),
    "line": ("map-line", "none", "#0d5c63", 0.8),
    "residence": ("map-dot", "#c9c2b4", "none", 0.0),
    "stop": ("map-dot", "#ffffff", "#0d5c63", 0.9),
}
PIN_COLOURS = {"stop": "#0d5c63", "nothing": "#22593a", "found": "#9b2a1e", "left": "#4a5861"}
PIN, LEAST_SPAN_M, MARGIN = 11.0, 500.0, 0.12
# About the width of a letter of a name.
LETTER = 5.6
SHAPES_MOST = 3000
_WORLD_M = 6_378_137.0


@dataclass(frozen=True)
class Pin:
    """A numbered place. kind: stop, nothing, found or left."""

    number: int
    lon: float
    lat: float
    kind: str = "stop"


@dataclass(frozen=True)
class Window:
    """What is shown: west and north in metres of EPSG:3857, and how many of them are one unit of the picture."""

    west: float
    north: float
    step: float
    width: float
    height: float

    def at(self, x_3857: Any, y_3857: Any) -> tuple[Any, Any]:
        """Units from the upper left corner, elementwise."""
        return (x_3857 - self.west) / self.step, (self.north - y_3857) / self.step

    @property
    def box_3857(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        south, east = self.north - self.height * self.step, self.west + self.width * self.step
        return self.west, south, east, self.north

    @property
    def box_4326(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        to_degrees = transformer(3857, 4326).transform
        west, south, east, north = self.box_3857
        return (*to_degrees(west, south), *to_degrees(east, north))

    @property
    def metres_per_unit(self) -> float:
        """On the ground, in the middle: Web Mercator enlarges by the secant of the latitude."""
        return self.step / math.cosh((self.north - self.height * self.step / 2) / _WORLD_M)


def window_of(pins: Sequence[Pin], width: float, height: float) -> Window:
    """Around the pins with a margin, at least half a kilometre wide."""
    to_mercator = transformer(4326, 3857).transform
    x, y = to_mercator(np.array([pin.lon for pin in pins]), np.array([pin.lat for pin in pins]))
    span = max(float(np.ptp(x)), float(np.ptp(y)) * width / height, LEAST_SPAN_M * 1.55) * (1 + 2 * MARGIN)
    step = span / width
    west = (float(x.min()) + float(x.max()) - span) / 2
    north = (float(y.min()) + float(y.max()) + step * height) / 2
    return Window(west, north, step, width, height)


def map_svg(connection: Connection, pins: Sequence[Pin], label: str, *, width: float = 720, height: float = 440) -> str:
    """The picture as an SVG element, or an empty text when there is no pin. label: what a screen reader says."""
    if not pins:
        return ""
    window = window_of(pins, width, height)
    groups = _grouped(window, pins)
    ground = "".join(_layer(connection, kind, window) for kind in LAYERS) + _names(connection, window, groups)
    marks = "".join(_mark(window, group) for group in groups)
    return Markup(  # noqa: S704  (numbers of ours, and what was escaped)
        f'<svg class="patrol-map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        ' font-family="Sheet"'
        f' aria-label="{escape(label)}"><rect class="map-ground" width="{width:g}" height="{height:g}" fill="#eceae4"/>'
        f"{ground}{_scale_bar(window)}{marks}</svg>"
    )


def _layer(connection: Connection, kind: str, window: Window) -> str:
    """The open places of a kind that touch the window."""
    texts = list(store.features(connection, kind, window.box_4326, window.step, most=SHAPES_MOST))
    name, fill, stroke, pen = LAYERS[kind]
    parts = []
    for text in texts:
        feature = json.loads(text)
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        if name == "map-dot":
            x, y = window.at(*transformer(4326, 3857).transform(shape.centroid.x, shape.centroid.y))
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>')
        else:
            parts.append(_path(_in_window(shape, window), window))
    body = "".join(parts)
    return f'<g class="{name}" fill="{fill}" stroke="{stroke}" stroke-width="{pen:g}">{body}</g>' if body else ""


def _names(connection: Connection, window: Window, groups: Sequence[_Group]) -> str:
    """The neighbourhoods' names, the largest first; those that would stand on another or on a mark are left out."""
    texts = store.features(connection, "neighbourhood", window.box_4326, window.step, most=SHAPES_MOST)
    seen = []
    for feature in map(json.loads, texts):
        shape = _in_window(shapely.from_geojson(json.dumps(feature["geometry"])), window)
        if not shape.is_empty:
            seen.append((shape.area, feature["properties"]["name"], shapely.point_on_surface(shape)))
    taken = [(group.x, group.y, PIN * 2) for group in groups]
    parts = []
    for _area, name, point in sorted(seen, key=lambda one: -one[0]):
        x, y = window.at(point.x, point.y)
        half = len(name) * LETTER / 2
        is_free = all(abs(x - ox) > half + other or abs(y - oy) > PIN * 1.5 for ox, oy, other in taken)
        if is_free and half < x < window.width - half and LETTER < y < window.height - 7 * LETTER:
            taken.append((x, y, half))
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}">{escape(name)}</text>')
    style = 'text-anchor="middle" font-size="10.5" fill="#4a5861"'
    return f'<g class="map-names" {style}>{"".join(parts)}</g>' if parts else ""


def _in_window(shape_4326: BaseGeometry, window: Window) -> BaseGeometry:
    to_mercator: Any = transformer(4326, 3857).transform
    shape = shapely.make_valid(shapely.transform(shape_4326, to_mercator, interleaved=False))
    west, south, east, north = window.box_3857
    # A margin, so that the window's own edge is not drawn as a border.
    around = 10 * window.step
    return shapely.clip_by_rect(shape, west - around, south - around, east + around, north + around)


def _path(shape: BaseGeometry, window: Window) -> str:
    commands = []
    for part in shapely.get_parts(shape):
        rings = shapely.get_rings(part) if part.geom_type == "Polygon" else [part]
        for ring in rings:
            x, y = window.at(*shapely.get_coordinates(ring).T)
            points = " ".join(f"{one:.1f},{other:.1f}" for one, other in zip(x, y, strict=True))
            if points and ring.geom_type != "Point":
                commands.append(f"M{points}" + ("Z" if part.geom_type == "Polygon" else ""))
    return f'<path d="{"".join(commands)}" fill-rule="evenodd"/>' if commands else ""


@dataclass(frozen=True)
class _Group:
    x: float
    y: float
    pins: tuple[Pin, ...]


def _grouped(window: Window, pins: Iterable[Pin]) -> list[_Group]:
    """Numbers that would cover one another stand in one mark: "3, 7"."""
    groups: list[_Group] = []
    for pin in pins:
        x, y = window.at(*transformer(4326, 3857).transform(pin.lon, pin.lat))
        for index, group in enumerate(groups):
            if math.hypot(group.x - x, group.y - y) < PIN * 1.6:
                groups[index] = _Group(group.x, group.y, (*group.pins, pin))
                break
        else:
            groups.append(_Group(float(x), float(y), (pin,)))
    return groups


def numbers_text(numbers: Sequence[int], most: int = 3) -> str:
    """Numbers in one mark: runs as "3–7", at most so many parts."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    return ", ".join(parts[:most]) + ("…" if len(parts) > most else "")


def _mark(window: Window, group: _Group) -> str:
    kinds = {pin.kind for pin in group.pins}
    kind = next(one for one in ("found", "left", "stop", "nothing") if one in kinds)
    text = numbers_text([pin.number for pin in group.pins])
    half = max(PIN, PIN * 0.62 * len(text) / 2 + 5)
    x = min(max(group.x, half + 1), window.width - half - 1)
    return (
        f'<g class="mark mark-{kind}"><rect x="{x - half:.1f}" y="{group.y - PIN:.1f}" width="{2 * half:.1f}"'
        f' height="{2 * PIN:g}" rx="{PIN:g}" fill="{PIN_COLOURS[kind]}" stroke="#ffffff" stroke-width="1.6"/>'
        f'<text x="{x:.1f}" y="{group.y + 4.2:.1f}" text-anchor="middle" font-size="12" font-weight="bold"'
        f' fill="#ffffff">{escape(text)}</text></g>'
    )


def _scale_bar(window: Window) -> str:
    metres = next(
        (m for m in (5000, 2000, 1000, 500, 200, 100, 50) if m / window.metres_per_unit <= window.width / 4), 50
    )
    length, text = metres / window.metres_per_unit, f"{metres // 1000} km" if metres >= 1000 else f"{metres} m"  # noqa: PLR2004
    right, y = 12 + length, window.height - 12
    return (
        f'<g class="map-scale"><rect x="6" y="{y - 17:g}" width="{length + 62:.1f}" height="25" rx="5" fill="#ffffff"'
        f' fill-opacity="0.88"/><path d="M12 {y - 7:g}V{y:g}H{right:.1f}V{y - 7:g}" fill="none" stroke="#1d2a33"'
        f' stroke-width="1.6"/><text x="{right + 7:.1f}" y="{y:g}" font-size="12" fill="#1d2a33">{text}</text></g>'
    )
