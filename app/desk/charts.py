"""Charts as geometry: numbers in, places in an SVG's user units out. Pure: no Flask, no SQL, no words.

The template draws them (templates/desk/_charts.html). Why no library: docs/decisions/0019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 480
_LEFT, _RIGHT, _TOP = 40, 8, 10
_PLOT_HEIGHT = 170
_MOST_LABELS = 7
_ROW_HEIGHT, _BAR_HEIGHT = 46, 14
# The share of a group's width that its bars fill.
_FILLED = 0.76
_STEPS = (1, 2, 2.5, 5, 10)
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
# Steps of an axis of time that people count in, in seconds.
_TIME_STEPS = (
    10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 5 * _DAY, 10 * _DAY, 20 * _DAY,
    50 * _DAY, 100 * _DAY, 200 * _DAY, 500 * _DAY, 1000 * _DAY,
)  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """A rectangle of one series (0, 1, …)."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True)
class Tick:
    """A place on an axis, and the number that belongs there."""

    at: float
    value: float


@dataclass(frozen=True)
class Columns:
    """Upright bars in groups, one group a label."""

    width: float
    height: float
    left: float
    right: float
    floor: float
    bars: tuple[Bar, ...]
    y_ticks: tuple[Tick, ...]
    # Which labels there is room for: their middle, and their position in the sequence of labels.
    x_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Row:
    """A line of `Spans`: a bar from 0 to the median, a whisker on to the 90th percentile. y: the bar's top."""

    text_y: float
    y: float
    median_x: float
    p90_x: float


@dataclass(frozen=True)
class Spans:
    """Lying bars, one a group, on one axis of time."""

    width: float
    height: float
    left: float
    right: float
    floor: float
    bar_height: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


def nice_step(most: float, steps: int = 4) -> float:
    """The step of a scale from 0 to `most` or more, in about so many steps: 1, 2 or 5 times a power of ten, or 25, 250.

    A whole number, as what is counted has no halves.
    """
    raw = max(most, 1) / steps
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * one for one in _STEPS if power * one >= raw * (1 - 1e-9))
    return float(max(math.ceil(step), 1))


def time_step(most_s: float, steps: int = 4) -> float:
    """The step in seconds of an axis of time from 0 to at least `most_s`."""
    return next((step for step in _TIME_STEPS if step * steps >= most_s), _TIME_STEPS[-1])


def columns(series: Sequence[Sequence[int]]) -> Columns:
    """Groups of upright bars: series[k][i] is the i-th group's k-th bar. All series have the same length."""
    count = len(series[0]) if series else 0
    most = max((value for one in series for value in one), default=0)
    step = nice_step(most)
    top = step * max(math.ceil(most / step), 1)
    floor, span = float(_TOP + _PLOT_HEIGHT), WIDTH - _LEFT - _RIGHT
    group = span / max(count, 1)
    each = group * _FILLED / max(len(series), 1)
    bars = []
    for k, values in enumerate(series):
        for i, value in enumerate(values):
            height = _PLOT_HEIGHT * value / top
            x = _LEFT + group * i + group * (1 - _FILLED) / 2 + each * k
            bars.append(Bar(_round(x), _round(floor - height), _round(each), _round(height), k))
    every = max(math.ceil(count / _MOST_LABELS), 1)
    return Columns(
        width=WIDTH,
        height=floor + 26,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        floor=floor,
        bars=tuple(bars),
        y_ticks=tuple(
            Tick(_round(floor - _PLOT_HEIGHT * n * step / top), n * step) for n in range(round(top / step) + 1)
        ),
        x_ticks=tuple(Tick(_round(_LEFT + group * (i + 0.5)), i) for i in range(0, count, every)),
    )


def spans(values: Sequence[tuple[float, float]]) -> Spans:
    """Lying bars of (median, 90th percentile) in seconds, one below the other in this order."""
    most = max((p90 for _median, p90 in values), default=0.0)
    step = time_step(most)
    top = step * max(math.ceil(most / step), 1)
    left, right = 6.0, float(WIDTH - 46)
    rows = []
    for i, (median, p90) in enumerate(values):
        y = _ROW_HEIGHT * i + 22
        rows.append(
            Row(
                y - 6.0,
                float(y),
                _round(left + (right - left) * median / top),
                _round(left + (right - left) * p90 / top),
            )
        )
    floor = float(_ROW_HEIGHT * len(values) + 4)
    ticks = tuple(Tick(_round(left + (right - left) * n * step / top), n * step) for n in range(round(top / step) + 1))
    return Spans(WIDTH, floor + 24, left, right, floor, _BAR_HEIGHT, tuple(rows), ticks)


def _round(value: float) -> float:
    return round(value, 2)
