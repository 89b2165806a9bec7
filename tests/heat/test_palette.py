"""The ramp for eyes of every kind, the classes, the PNG."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.heat.palette import COLOURS, breaks, classes, legend, nice_top, png

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


def ramp(kind: str) -> np.ndarray:
    srgb = np.array([colour[:3] for colour in COLOURS]) / 255
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
