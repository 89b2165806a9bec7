"""The ramp for eyes of every kind, the classes, the PNG."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.heat.palette import (
    COLD,
    COLOURS,
    DIVERGING,
    HOT,
    LESS,
    MARK,
    MORE,
    ORDINARY,
    breaks,
    change_breaks,
    change_classes,
    change_legend,
    classes,
    dots,
    legend,
    nice_top,
    png,
    strokes,
)

# Full dichromacy: Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", IEEE TVCG 2009, table of severity 1.0; in linear RGB.
DICHROMATS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "none": np.eye(3),
}


def lab(rgb_linear: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b*, D65."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = rgb_linear @ matrix.T / [0.9505, 1.0, 1.089]
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * root[:, 1] - 16, 500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])], 1)


def ramp(kind: str, colours: tuple[tuple[int, int, int, int], ...] = COLOURS) -> np.ndarray:
    srgb = np.array([colour[:3] for colour in colours]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return lab(np.clip(linear @ np.array(DICHROMATS[kind]).T, 0, 1))


@pytest.mark.parametrize("kind", DICHROMATS)
def test_each_class_is_clearly_darker_than_the_one_before(kind: str) -> None:
    steps = -np.diff(ramp(kind)[:, 0])
    assert (steps > 4).all()


def test_lightness_falls_evenly() -> None:
    steps = -np.diff(ramp("none")[:, 0])
    assert steps.max() < 1.6 * steps.min()


@pytest.mark.parametrize("kind", DICHROMATS)
def test_neighbouring_classes_can_be_told_apart(kind: str) -> None:
    assert min(np.linalg.norm(a - b) for a, b in itertools.pairwise(ramp(kind))) > 5


@given(st.floats(1e-9, 1e12))
def test_the_top_is_the_next_nice_number(peak: float) -> None:
    top = nice_top(peak)
    assert peak <= top <= 2.5 * peak * (1 + 1e-9)
    assert f"{top:e}"[0] in "125"
    bounds = breaks(peak)
    assert list(bounds) == sorted(set(bounds))
    assert len(bounds) == len(COLOURS) + 1


def test_nothing_has_no_classes() -> None:
    assert legend(0.0) == []
    assert breaks(0.0) == ()
    assert not classes(np.zeros((4, 4)), 0.0).any()


def test_values_fall_into_the_classes_of_the_legend() -> None:
    found = legend(87.0)
    assert [found[0].lower, found[0].upper, found[-1].upper] == [2.0, 10.0, 100.0]
    values = np.array([0.0, 1.99, 2.0, 9.99, 10.0, 87.0, 100.0])
    assert classes(values, 87.0).tolist() == [0, 0, 1, 1, 2, 9, 10]


def test_png_has_the_colours_and_is_transparent_where_there_is_nothing() -> None:
    image = Image.open(io.BytesIO(png(np.array([[0, 1], [5, 10]], np.uint8))))
    assert image.mode == "P"
    rgba = np.asarray(image.convert("RGBA"))
    assert rgba[0, 0, 3] == 0
    assert tuple(rgba[0, 1]) == COLOURS[0]
    assert tuple(rgba[1, 0]) == COLOURS[4]
    assert tuple(rgba[1, 1]) == COLOURS[9]


def test_an_empty_tile_is_small_and_transparent() -> None:
    data = png(np.zeros((256, 256), np.uint8))
    assert len(data) < 400
    assert not np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))[..., 3].any()


def test_differences_step_evenly_and_alike_on_both_sides() -> None:
    less, more = ramp("none", LESS)[::-1, 0], ramp("none", MORE)[:, 0]
    for side in (less, more):
        steps = -np.diff(side)
        assert steps.max() < 1.15 * steps.min()
        assert steps.min() > 10
    assert np.abs(less - more).max() < 1.5


@pytest.mark.parametrize("kind", DICHROMATS)
def test_more_and_less_can_be_told_apart(kind: str) -> None:
    less, more = ramp(kind, LESS)[::-1], ramp(kind, MORE)
    assert (np.linalg.norm(less - more, axis=1) > (15 if kind == "tritanopia" else 25)).all()
    assert min(np.linalg.norm(a - b) for side in (less, more) for a, b in itertools.pairwise(side)) > 8
    assert np.linalg.norm(np.subtract(*ramp(kind, (HOT, COLD)))) > 25


def test_marks_are_seen_on_every_class() -> None:
    for colour in (*LESS, *MORE, ORDINARY):
        mark, under = ramp("none", (MARK, colour))[:, 0]
        assert under - mark > 20


@given(st.floats(1e-9, 1e9))
def test_the_breaks_of_differences_are_symmetric(peak: float) -> None:
    bounds = change_breaks(peak)
    assert list(bounds) == sorted(set(bounds))
    assert [-bound for bound in reversed(bounds)] == list(bounds)
    assert bounds[-1] == nice_top(peak)
    assert len(change_legend(peak)) == len(LESS) + len(MORE)


def test_differences_fall_into_the_classes_of_the_legend() -> None:
    values = np.array([-90.0, -50.0, -5.0, -1.0, 0.0, 1.0, 5.0, 50.0, 100.0])
    assert change_classes(values, 87.0).tolist() == [1, 3, 5, 0, 0, 0, 6, 8, 10]
    for value in values[np.abs(values) > 4]:
        number = int(change_classes(np.array([value]), 87.0)[0])
        found = next(c for c in change_legend(87.0) if c.lower <= value < c.upper or value == c.upper == 100)
        assert DIVERGING.colours[number - 1] == found.rgba
    assert not change_classes(values, 0.0).any()


@pytest.mark.parametrize("pattern", [dots, strokes])
def test_patterns_go_on_over_the_edges_of_tiles(pattern: object) -> None:
    assert callable(pattern)
    tile = pattern((256, 256))
    np.testing.assert_array_equal(pattern((512, 512)), np.tile(tile, (2, 2)))
    np.testing.assert_array_equal(pattern((512, 512), 2)[::2, ::2], tile)
    assert 0.03 < tile.mean() < 0.3
