"""One parser for form, API and imports: what it takes, what it refuses, and that it names every field at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.nomenclature.store import Category, Nomenclature, Theme
from app.reports.commands import Checks, ReportCommand, parse_report

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ID = "018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e"
GOOD = {"id": ID, "category": "graffiti", "lon": 2.3022, "lat": 49.8947}


def _category(code: str, *, active: bool) -> Category:
    return Category(code, 1, "cleanliness", "defect", "public", 72, 2, "city", "Tag", "Graffiti", active)


class Square:
    """A territory of 0.2° around Amiens."""

    def covers(self, lon: float, lat: float) -> bool:
        return 2.2 <= lon <= 2.4 and 49.8 <= lat <= 50.0

    def distance_m(self, lon: float, lat: float) -> float:  # noqa: ARG002
        return 12_340.0


CHECKS = Checks(
    Nomenclature(
        (Theme("cleanliness", "Propreté", "Cleanliness"),),
        (_category("graffiti", active=True), _category("retired", active=False)),
    ),
    Square(),
    NOW,
)


def refusals(**changes: Any) -> dict[str, str]:
    """Field → code of what was refused."""
    local_times = changes.pop("local_times", False)
    body = {key: value for key, value in (GOOD | changes).items() if value != "absent"}
    with pytest.raises(InvalidInputError) as caught:
        parse_report(body, CHECKS, local_times=local_times)
    assert all(error.message for error in caught.value.errors)
    return {error.field: error.code for error in caught.value.errors}


def accepted(**changes: Any) -> ReportCommand:
    return parse_report(GOOD | changes, CHECKS)


def test_the_required_four_are_enough() -> None:
    command = accepted()
    assert command.id == UUID(ID)
    assert (command.lon, command.lat) == (2.3022, 49.8947)
    assert [command.severity, command.observed_at, command.description, command.place_id] == [None] * 4


def test_form_values_are_read_like_json() -> None:
    command = accepted(lon="2,3022", lat=" 49.8947 ", severity="3", place_id="", description="  ", observed_at="")
    assert command.lon == 2.3022
    assert command.severity == 3
    assert [command.place_id, command.description, command.observed_at] == [None] * 3


@pytest.mark.parametrize("field", ["id", "category", "lon", "lat"])
def test_a_missing_field_is_named(field: str) -> None:
    assert refusals(**{field: "absent"}) == {field: "missing"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "no-uuid"),
        ("id", 5),
        ("id", None),
        ("category", ""),
        ("category", "absent-category"),
        ("category", "retired"),
        ("category", ["graffiti"]),
        ("category", "graffiti\x00"),
        ("lon", float("nan")),
        ("lon", float("inf")),
        ("lon", True),
        ("lon", "east"),
        ("lon", None),
        ("lon", 181),
        ("lat", "NaN"),
        ("lat", -91),
        ("lat", {}),
        ("severity", 0),
        ("severity", 5),
        ("severity", 2.5),
        ("severity", "high"),
        ("severity", True),
        ("observed_at", "yesterday"),
        ("observed_at", 1_700_000_000),
        ("observed_at", "2026-05-04T10:00:00"),
        ("observed_at", "2026-05-05T10:00:00+00:00"),
        ("observed_at", "1999-12-31T23:59:59Z"),
        ("observed_at", "2026-13-01T00:00:00Z"),
        ("description", "<b>bold</b>"),
        ("description", "<script>alert(1)"),
        ("description", "a\x00b"),
        ("description", "\u202egnp.exe"),
        ("description", "\ud800"),
        ("description", "x" * 501),
        ("description", "x" * 10_000_000),
        ("description", 7),
        ("place_id", 0),
        ("place_id", "stop"),
        ("place_id", 2**63),
        ("reporter", "somebody"),
    ],
)
def test_a_bad_value_is_refused_at_its_field(field: str, value: object) -> None:
    assert set(refusals(**{field: value})) == {field}


def test_every_bad_field_is_said_at_once() -> None:
    assert set(refusals(id="x", category="y", lon="z", severity=9, description="<i>")) == {
        "id", "category", "lon", "severity", "description",
    }  # fmt: skip


def test_swapped_coordinates_are_recognised() -> None:
    assert refusals(lon=49.8947, lat=2.3022) == {"lon": "swapped", "lat": "swapped"}


def test_outside_the_territory_says_how_far() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_report(GOOD | {"lon": 2.35, "lat": 48.86}, CHECKS)
    assert {error.code for error in caught.value.errors} == {"outside"}
    assert "12" in caught.value.errors[0].message


def test_a_little_clock_skew_is_forgiven() -> None:
    moment = NOW + timedelta(minutes=9)
    assert accepted(observed_at=moment.isoformat()).observed_at == moment


def test_form_times_are_local_also_across_summer_time() -> None:
    for local, utc in (
        ("2026-01-15T08:00", "2026-01-15T07:00:00+00:00"),
        ("2026-04-15T08:00", "2026-04-15T06:00:00+00:00"),
    ):
        command = parse_report(GOOD | {"observed_at": local}, CHECKS, local_times=True)
        assert command.observed_at == datetime.fromisoformat(utc)


def test_plain_text_with_signs_is_kept() -> None:
    text = "Porte < 2 m & cassée ; l'accès « B » > 3 jours\r\nRez-de-chaussée"
    assert accepted(description=f"  {text} ").description == text.replace("\r\n", "\n")


def test_the_same_values_spelled_otherwise_are_the_same_body() -> None:
    spelled = accepted(lon="2.30220", observed_at="2026-05-04T10:00:00Z", description=" a ")
    plain = accepted(observed_at="2026-05-04T10:00:00+00:00", description="a")
    assert spelled.body_sha256() == plain.body_sha256()
    assert accepted(severity=1).body_sha256() != accepted(severity=2).body_sha256()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


# On a busy machine making the inputs is slow, which says nothing of what they are given to.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(list(ReportCommand.model_fields)) | st.text(max_size=8), JSON, max_size=8))
def test_no_input_does_anything_but_pass_or_be_refused(body: dict[str, Any]) -> None:
    try:
        command = parse_report(body, CHECKS)
    except InvalidInputError as error:
        assert error.errors  # noqa: PT017  (the refusal is one of two good outcomes)
    else:
        assert command.category == "graffiti"
