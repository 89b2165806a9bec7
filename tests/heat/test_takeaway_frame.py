"""Frames, lengths, strings of style sheets: the pure parts of maps to take along."""

from __future__ import annotations

import numpy as np
import pytest

from app.heat.takeaway_frame import fitting_frame, frame_of
from app.heat.takeaway_print import nice_length
from app.heat.tiles import pixel_places
from app.places.lattice import to_lon_lat, transformer
from app.web.pdf import css_string

AMIENS = (2.22, 49.84, 2.35, 49.96)


@pytest.mark.parametrize(("width", "height"), [(1600, 1000), (600, 900)])
def test_a_frame_holds_its_box_with_square_pixels(width: int, height: int) -> None:
    frame = frame_of(AMIENS, width, height)
    west, south, east, north = frame.lon_lat
    assert west < AMIENS[0] < AMIENS[2] < east
    assert south < AMIENS[1] < AMIENS[3] < north
    assert (frame.north - frame.south) / height == pytest.approx(frame.step)


def test_a_fitting_frame_is_no_larger_than_it_must_be() -> None:
    frame = fitting_frame(AMIENS, 1600)
    assert max(frame.width, frame.height) == 1600
    west, south, east, north = frame.lon_lat
    assert west == pytest.approx(AMIENS[0], abs=0.01)
    assert east == pytest.approx(AMIENS[2], abs=0.01)
    assert south == pytest.approx(AMIENS[1], abs=0.01)
    assert north == pytest.approx(AMIENS[3], abs=0.01)


def test_every_pixel_is_where_it_would_be_without_interpolation() -> None:
    frame = frame_of(AMIENS, 320, 200)
    east, north = frame.places()
    x = frame.west + (np.arange(320) + 0.5) * frame.step
    y = frame.north - (np.arange(200) + 0.5) * frame.step
    exact = transformer(3857, 2154).transform(*np.meshgrid(x, y))
    assert np.abs(east - exact[0]).max() < 0.05
    assert np.abs(north - exact[1]).max() < 0.05


def test_a_frame_is_the_tile_when_its_corners_are() -> None:
    side = 2 * 20_037_508.342789244 / (1 << 14)
    west, north = -20_037_508.342789244 + 8296 * side, 20_037_508.342789244 - 5564 * side
    to_degrees = transformer(3857, 4326).transform
    corners = (*to_degrees(west, north - side), *to_degrees(west + side, north))
    frame = frame_of(corners, 256, 256, padding=0)
    for one, other in zip(frame.places(), pixel_places(14, 8296, 5564), strict=True):
        assert np.abs(one - other).max() < 0.05


def test_metres_on_the_ground_are_what_lambert_93_measures() -> None:
    frame = frame_of(AMIENS, 1000, 1000)
    east, north = frame.places()
    across = np.hypot(east[500, 900] - east[500, 100], north[500, 900] - north[500, 100])
    assert frame.metres_per_pixel * 800 == pytest.approx(across, rel=0.003)
    lon, _lat = to_lon_lat(east[:, 0], north[:, 0])
    assert np.ptp(lon) < 1e-6


@pytest.mark.parametrize(("most", "length"), [(999, 500), (1000, 1000), (0.7, 0.5), (49_000, 20_000)])
def test_scale_bars_are_round(most: float, length: float) -> None:
    assert nice_length(most) == pytest.approx(length)


def test_no_text_can_end_a_string_of_a_style_sheet() -> None:
    assert str(css_string('a: "; } </style>\\')) == r'"a\3a  \22 \3b  \7d  \3c \2f style\3e \5c "'
