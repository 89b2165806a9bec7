"""Cells → coordinates and times."""

from __future__ import annotations

from typing import Any

import pytest

from app.reports.importing.coordinates import UnreadableError, parse_text
from app.reports.importing.mapping import CoordinatesRule, TimeRule
from app.reports.importing.times import UnreadableTimeError, time_parser

LON, LAT = 2.3022, 49.8947


def coordinates(text: str, form: str, **changes: Any) -> tuple[float, ...]:
    values = {"text": "a", "format": form} | changes
    lon, lat = parse_text(text, CoordinatesRule.model_validate(values))
    return tuple(float(str(value).replace(",", ".")) for value in (lon, lat))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("python-dict", "{'lon': 2.3022, 'lat': 49.8947}"),
        ("python-dict", "{'lat': 49.8947, 'lon': 2.3022}"),
        ("python-dict", "{'lat': 49.8947, 'lon': 2.3022, 'src': 'gps', 'ok': True, 'n': None}"),
        ("python-dict", '{"lon": "2.3022", "lat": "49.8947"}'),
        ("json", '{"lon": 2.3022, "lat": 49.8947}'),
        ("json", ' {"lat":4.98947e1,"lon":2.3022} '),
        ("lon,lat", "2.3022, 49.8947"),
        ("lon,lat", "[2.3022,49.8947]"),
        ("lat,lon", "49.8947,2.3022"),
        ("lat,lon", "(49.8947 2.3022)"),
        ("lat,lon", "49,8947; 2,3022"),
        ("lat,lon", "49,8947 2,3022"),
        ("wkt", "POINT (2.3022 49.8947)"),
        ("wkt", "SRID=4326;point z(2.3022 49.8947 30)"),
    ],
)
def test_texts_with_coordinates(form: str, text: str) -> None:
    assert coordinates(text, form) == (LON, LAT)


@pytest.mark.parametrize("form", ["python-dict", "json"])
def test_keys_may_lead_deeper(form: str) -> None:
    text = '{"type": "Feature", "geometry": {"coordinates": [2.3022, 49.8947], "type": "Point"}, "properties": {}}'
    keys = {"lon_key": "geometry.coordinates.0", "lat_key": "geometry.coordinates.1"}
    assert coordinates(text, form, **keys) == (LON, LAT)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("python-dict", "__import__('os').system('true')"),
        ("python-dict", "{'lon': __import__('os'), 'lat': 1}"),
        ("python-dict", "{'lon': 2.3022}"),
        ("python-dict", "{'lon': [].__class__, 'lat': 1}"),
        ("python-dict", "(" * 1500),
        ("python-dict", "-" * 1500 + "1"),
        ("python-dict", "{'lon': 1if 1else 2, 'lat': 1}"),
        ("python-dict", "{[]: 1}"),
        ("python-dict", "'" * 3),
        ("python-dict", "{'lon': 9**9**9, 'lat': 1}"),
        ("python-dict", "x" * 5000),
        ("python-dict", "{'lon': 2.3, 'lon': 49.8}"),
        ("json", "{'lon': 2.3022, 'lat': 49.8947}"),
        ("json", "[" * 1500),
        ("json", '{"lon": NaN, "lat": 1}'),
        ("json", "2.3022"),
        ("lat,lon", "49.8947"),
        ("lat,lon", "49.8947,2.3022,7"),
        ("lat,lon", "a,b"),
        ("lat,lon", "49,8947,2,3022"),
        ("lon,lat", "nan,nan"),
        ("wkt", "POLYGON((0 0,1 1,1 0,0 0))"),
        ("wkt", "POINT EMPTY"),
        ("wkt", "POINT (1 2 3 4 5)"),
        ("wkt", ""),
    ],
)
def test_texts_without_coordinates_are_refused(form: str, text: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        coordinates(text, form)
    assert len(str(caught.value)) < 200


def moment(text: str, *formats: str, **changes: Any) -> str:
    rule = TimeRule.model_validate({"column": "a", "formats": formats or ("iso",)} | changes)
    return time_parser(rule)(text).isoformat()


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        # Summer and winter time.
        ("2026-07-01 10:00", ("iso",), "2026-07-01T08:00:00+00:00"),
        ("2026-01-01 10:00", ("iso",), "2026-01-01T09:00:00+00:00"),
        ("2026-01-01T10:00:00Z", ("iso",), "2026-01-01T10:00:00+00:00"),
        ("2026-01-01T10:00:00.123-05:00", ("iso",), "2026-01-01T15:00:00.123000+00:00"),
        ("2026-07-01", ("iso",), "2026-06-30T22:00:00+00:00"),
        ("01/07/2026 10:00", ("%d/%m/%Y %H:%M",), "2026-07-01T08:00:00+00:00"),
        ("01/07/2026", ("%d/%m/%Y %H:%M", "%d/%m/%Y"), "2026-06-30T22:00:00+00:00"),
        ("13/02/2026", ("%d/%m/%Y", "%m/%d/%Y"), "2026-02-12T23:00:00+00:00"),
        ("04/04/2026", ("%d/%m/%Y", "%m/%d/%Y"), "2026-04-03T22:00:00+00:00"),
        ("1767261600", ("epoch",), "2026-01-01T10:00:00+00:00"),
        ("1767261600000", ("epoch-ms",), "2026-01-01T10:00:00+00:00"),
        # The hour that happens twice: the first of the two.
        ("2025-10-26 02:30", ("iso",), "2025-10-26T00:30:00+00:00"),
    ],
)
def test_times(text: str, formats: tuple[str, ...], expected: str) -> None:
    assert moment(text, *formats) == expected


def test_the_hour_that_happens_twice_may_be_the_later_or_refused() -> None:
    assert moment("2025-10-26 02:30", ambiguous="later") == "2025-10-26T01:30:00+00:00"
    with pytest.raises(UnreadableTimeError, match="2025-10-26 02:30 happened twice"):
        moment("2025-10-26 02:30", ambiguous="refuse")
    assert moment("2025-10-26 04:30", ambiguous="refuse") == "2025-10-26T03:30:00+00:00"


def test_a_day_takes_the_hour_of_the_mapping() -> None:
    assert moment("2026-07-01", time_when_missing="12:00") == "2026-07-01T10:00:00+00:00"
    assert moment("01/07/2026", "%d/%m/%Y", time_when_missing="12:00") == "2026-07-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "formats", "message"),
    [
        ("03/04/2026", ("%d/%m/%Y", "%m/%d/%Y"), "can be read in two ways"),
        ("2026-03-29 02:30", ("iso",), "did not exist: the clocks went forward"),
        ("2026-02-30", ("iso",), "is no time of the form iso"),
        ("yesterday", ("iso",), "is no time"),
        ("", ("iso",), "is no time"),
        ("9" * 400, ("epoch",), "is no time"),
        ("inf", ("epoch",), "is no time"),
        ("x" * 10_000, ("iso",), "is no time"),
        ("0001-01-01T00:00:00+14:00", ("iso",), "out of range"),
        ("9999-12-31T23:59:59-14:00", ("iso",), "out of range"),
    ],
)
def test_times_that_are_refused(text: str, formats: tuple[str, ...], message: str) -> None:
    with pytest.raises(UnreadableTimeError, match=message) as caught:
        moment(text, *formats)
    assert len(str(caught.value)) < 200
