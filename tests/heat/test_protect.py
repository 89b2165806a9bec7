"""Small numbers against an attacker who asks anything and subtracts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from app.heat.actions import Heat, HeatQuery, Look
from app.heat.cube import Array, Rows, fingerprint, made_rows, merged
from app.heat.drawing import Drawing
from app.heat.exposure import Exposure
from app.heat.keeper import Kept
from app.heat.layers import DensityLayer, RatioLayer
from app.heat.measures import Measure
from app.heat.points import Points
from app.heat.protect import (
    BLOCK_CELLS,
    Groups,
    groups_of,
    published,
    quarter_end,
    quarter_number,
    quarter_start,
    spread,
    theme_table,
    whole_quarters,
    whole_themes,
)
from app.heat.reference import Reference
from app.heat.selection import Asked, selected
from app.heat.surface import density
from app.heat.viewer import COORDINATOR, PARTNER, PUBLIC, Viewer
from app.nomenclature.store import Category, Nomenclature, Theme
from app.people.store import Organisation
from app.reports.filters import ReportFilter

K = 5
TODAY = date(2026, 11, 24)
MOMENT = datetime(2026, 11, 24, tzinfo=UTC)


def category(number: int, theme: str, visibility: str) -> Category:
    return Category(f"c{number}", number, theme, "defect", visibility, 24, 1, "city", "", "", active=True)


WORDS = Nomenclature(
    (Theme("a", "A", "A"), Theme("b", "B", "B")),
    (
        category(1, "a", "public"),
        category(2, "a", "partner"),
        category(3, "a", "restricted"),
        category(4, "b", "restricted"),
        category(5, "b", "restricted"),
    ),
)
VISIBILITY = {c.number: ("public", "partner", "restricted").index(c.visibility) for c in WORDS.categories}

# Few places and days, so that groups fill up: (category, day of a year and a half, place, how often).
REPORTS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 540), st.integers(0, 5), st.integers(1, 7)), min_size=1, max_size=25
)


ORGANISATIONS = tuple(
    Organisation(number, slug, slug, "city", is_synthetic=False) for number, slug in ((1, "one"), (2, "other"))
)
IDS = {one.slug: one.id for one in ORGANISATIONS}


def rows_of(reports: list[tuple[int, int, int, int]], organisations: tuple[int, ...] = (1, 2, 2)) -> Rows:
    """`organisations`: who answers, in turn."""
    flat = np.array([r[:3] for r in reports for _ in range(r[3])]).reshape(-1, 3)
    n = len(flat)
    first = (date(2025, 6, 1) - date(2000, 1, 1)).days
    return made_rows(
        number=np.arange(n),
        day=flat[:, 1] + first,
        category=flat[:, 0],
        severity=np.full(n, 2),
        visibility=np.array([VISIBILITY[int(c)] for c in flat[:, 0]], np.int64),
        state=np.zeros(n, np.int64),
        lon=2.28 + flat[:, 2] * 0.004,
        lat=np.full(n, 49.89),
        organisation=np.resize(organisations, n),
    )


def answer(rows: Rows, chosen: ReportFilter, viewer: Viewer) -> dict[tuple[int, int], float]:
    """Everything a viewer learns from one filter, at best: the weight in every cell."""
    groups = groups_of(rows, theme_table(WORDS), K, restricted_only=not viewer.is_protected)
    points = selected(rows, groups, Asked(chosen, viewer, TODAY, WORDS, IDS)).points
    weight = np.ones(len(points)) if points.weight is None else points.weight
    found: dict[tuple[int, int], float] = {}
    for x, y, w in zip(points.x.tolist(), points.y.tolist(), weight.tolist(), strict=True):
        found[x >> 8, y >> 8] = found.get((x >> 8, y >> 8), 0.0) + w
    return found


def blocks(cells: dict[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    for (x, y), weight in cells.items():
        block = x // BLOCK_CELLS, y // BLOCK_CELLS
        found[block] = found.get(block, 0.0) + weight
    return found


DAYS = st.one_of(
    st.none(),
    st.dates(date(2025, 5, 1), date(2027, 1, 31)),
    st.sampled_from([quarter_start(q) for q in range(2025 * 4 + 1, 2027 * 4)]),
    st.sampled_from([quarter_end(q) for q in range(2025 * 4 + 1, 2027 * 4)]),
)


@st.composite
def filters(draw: st.DrawFn) -> ReportFilter:
    first, last = draw(DAYS), draw(DAYS)
    if first and last and first > last:
        first, last = last, first
    return ReportFilter(
        themes=tuple(draw(st.sets(st.sampled_from(["a", "b"])))),
        categories=tuple(draw(st.sets(st.sampled_from([c.code for c in WORDS.categories])))),
        from_date=first,
        to_date=last,
        severity_min=draw(st.sampled_from([None, None, 1, 2, 3])),
        states=draw(st.sampled_from([(), (), ("new",), ("resolved", "verified")])),
        organisation=draw(st.sampled_from([None, None, None, "one", "other", "nobody"])),
    )


@settings(max_examples=150)
@given(REPORTS, filters(), filters())
def test_the_public_subtracts_two_filters_and_learns_no_small_number(
    reports: list[tuple[int, int, int, int]], one: ReportFilter, other: ReportFilter
) -> None:
    rows = rows_of(reports)
    first, second = blocks(answer(rows, one, PUBLIC)), blocks(answer(rows, other, PUBLIC))
    for block in first.keys() | second.keys():
        difference = abs(first.get(block, 0.0) - second.get(block, 0.0))
        assert round(difference, 6) % K == 0


@settings(max_examples=100)
@given(REPORTS, filters(), st.tuples(st.integers(1, 5), st.integers(0, 540), st.integers(0, 5), st.integers(1, 1)))
def test_the_public_watches_a_report_come_in_and_learns_no_small_number(
    reports: list[tuple[int, int, int, int]], chosen: ReportFilter, new: tuple[int, int, int, int]
) -> None:
    before = blocks(answer(rows_of(reports), chosen, PUBLIC))
    after = blocks(answer(rows_of([*reports, new]), chosen, PUBLIC))
    for block in before.keys() | after.keys():
        assert round(after.get(block, 0.0) - before.get(block, 0.0), 6) % K == 0


@settings(max_examples=150)
@given(REPORTS, filters())
def test_a_partner_subtracts_what_it_reads_from_what_the_public_sees(
    reports: list[tuple[int, int, int, int]], chosen: ReportFilter
) -> None:
    """It learns what its own map says: what is drawn of restricted reports does not depend on the others."""
    rows = rows_of(reports)
    is_open = (rows.flags >> 2 & 3) < 2
    public = blocks(answer(rows, chosen, PUBLIC))
    of_open, of_restricted = (blocks(answer(rows.take(part), chosen, PUBLIC)) for part in (is_open, ~is_open))
    for block in public.keys() | of_open.keys() | of_restricted.keys():
        apart = of_open.get(block, 0.0) + of_restricted.get(block, 0.0)
        assert round(public.get(block, 0.0) - apart, 6) == 0
        assert round(of_restricted.get(block, 0.0), 6) % K == 0


@settings(max_examples=150)
@given(REPORTS, filters())
def test_a_partner_learns_of_restricted_reports_multiples_of_k_only(
    reports: list[tuple[int, int, int, int]], chosen: ReportFilter
) -> None:
    rows = rows_of(reports)
    open_rows = rows.take(rows.flags >> 2 & 3 < 2)
    mine, rest = blocks(answer(rows, chosen, PARTNER)), blocks(answer(open_rows, chosen, PARTNER))
    for block in mine.keys() | rest.keys():
        assert round(mine.get(block, 0.0) - rest.get(block, 0.0), 6) % K == 0


IN_TURN = st.lists(st.integers(0, 2), min_size=1, max_size=7).map(tuple)
# Nothing else that leaves groups out, so that what an organisation's filter does is seen.
OF_ONE = st.one_of(filters(), st.sampled_from([ReportFilter(organisation=slug) for slug in (*IDS, "nobody")]))


@settings(max_examples=150)
@given(REPORTS, OF_ONE, IN_TURN, IN_TURN)
def test_nobody_learns_who_answers_for_what_it_does_not_read(
    reports: list[tuple[int, int, int, int]], chosen: ReportFilter, some: tuple[int, ...], others: tuple[int, ...]
) -> None:
    """No answer depends on who answers for reports that the viewer does not read."""
    one, other = rows_of(reports, some), rows_of(reports, others)
    assert answer(one, chosen, PUBLIC) == answer(other, chosen, PUBLIC)
    hidden = one.flags >> 2 & 3 == 2
    mixed = merged(one, other.take(hidden), np.empty(0))
    assert answer(one, chosen, PARTNER) == answer(mixed, chosen, PARTNER)


@pytest.mark.parametrize("number", [1, 4])
def test_what_two_organisations_have_cannot_be_told_from_what_one_has(number: int) -> None:
    """8 reports are published as 10: 8 to 12. If one organisation's 5 were published too, 5 to 7, another would have
    one at least, and perhaps one only: multiples of k all of them, and yet a small number is out.
    """
    shared, of_one = (rows_of([(number, 10, 0, 8)], who) for who in ((1, 1, 1, 1, 1, 2, 2, 2), (1,)))
    viewers = (PUBLIC, PARTNER) if number == 4 else (PUBLIC,)
    for viewer, slug in itertools.product(viewers, (None, *IDS)):
        chosen = ReportFilter(organisation=slug)
        assert answer(shared, chosen, viewer) == answer(of_one, chosen, viewer)
        assert sum(answer(shared, chosen, viewer).values()) == (10 if slug is None else 0)


def test_an_organisation_is_filtered_where_reports_are_read_and_nowhere_else() -> None:
    rows = rows_of([(1, 10, 0, 30), (3, 10, 0, 30)])
    for slug, part in (("one", 1 / 3), ("other", 2 / 3), ("nobody", 0)):
        mine = ReportFilter(organisation=slug)
        assert sum(answer(rows, mine, PUBLIC).values()) == 0
        assert sum(answer(rows, mine, PARTNER).values()) == 30 * part
        assert sum(answer(rows, mine, COORDINATOR).values()) == 60 * part
    assert sum(answer(rows, ReportFilter(), PUBLIC).values()) == 60
    assert sum(answer(rows, ReportFilter(), PARTNER).values()) == 60


def test_a_transfer_of_what_is_not_read_changes_no_key() -> None:
    """The ETag would tell that something was transferred."""
    before, after = (rows_of([(1, 10, 0, 9), (3, 10, 0, 9)], who) for who in ((1,), (2,)))
    hidden = merged(before, after.take(after.flags >> 2 & 3 == 2), np.empty(0))
    heat = Heat(create_engine("postgresql+psycopg2://"), K, today=lambda: TODAY)

    def key(rows: Rows, viewer: Viewer) -> str:
        kept = Kept(rows, fingerprint(rows), WORDS, Reference(), MOMENT, organisations=ORGANISATIONS)
        return Look(heat, kept, HeatQuery(ReportFilter(organisation="one")), viewer, TODAY).key

    assert key(before, PUBLIC) == key(after, PUBLIC)
    assert key(before, PARTNER) == key(hidden, PARTNER) != key(after, PARTNER)
    assert key(before, COORDINATOR) != key(hidden, COORDINATOR)


@given(REPORTS)
def test_a_square_with_fewer_than_k_looks_like_an_empty_one(reports: list[tuple[int, int, int, int]]) -> None:
    """Adding a lone report of its own theme and quarter changes nothing anywhere."""
    rows = rows_of([report for report in reports if report[2] != 5])
    lone = rows_of([*[report for report in reports if report[2] != 5], (1, 10, 5, K - 1)])
    assert answer(rows, ReportFilter(), PUBLIC) == answer(lone, ReportFilter(), PUBLIC)


def test_what_is_shown_does_not_tell_where_in_the_square() -> None:
    here = rows_of([(1, 10, 0, 6)])
    away = replace(here, column=here.column ^ 3, row=here.row ^ 5)
    assert answer(here, ReportFilter(), PUBLIC) == answer(away, ReportFilter(), PUBLIC)
    assert len(answer(here, ReportFilter(), PUBLIC)) == BLOCK_CELLS**2


def test_those_who_may_read_get_every_report() -> None:
    rows = rows_of([(1, 10, 0, 2), (3, 10, 0, 2), (2, 300, 3, 1)])
    assert sum(answer(rows, ReportFilter(), COORDINATOR).values()) == 5
    assert sum(answer(rows, ReportFilter(), PARTNER).values()) == 3
    assert sum(answer(rows, ReportFilter(), PUBLIC).values()) == 0
    assert sum(answer(rows, ReportFilter(categories=("c2",)), PARTNER).values()) == 1


def test_a_theme_is_shown_whole_or_not_at_all() -> None:
    rows = rows_of([(1, 10, 0, 10), (2, 10, 0, 10)])
    assert sum(answer(rows, ReportFilter(categories=("c1",)), PUBLIC).values()) == 0
    assert sum(answer(rows, ReportFilter(categories=("c1", "c2", "c3")), PUBLIC).values()) == 20
    assert sum(answer(rows, ReportFilter(themes=("a",)), PUBLIC).values()) == 20
    assert sum(answer(rows, ReportFilter(themes=("b",)), PUBLIC).values()) == 0


def test_a_quarter_is_shown_whole_or_not_at_all() -> None:
    rows = rows_of([(1, 60, 0, 10)])  # 31 July 2025
    for first, last, expected in (
        (date(2025, 7, 1), date(2025, 9, 30), 10),
        (date(2025, 7, 2), date(2025, 9, 30), 0),
        (date(2025, 7, 1), date(2025, 9, 29), 0),
        (None, date(2025, 9, 30), 10),
        (date(2025, 4, 1), None, 10),
    ):
        assert sum(answer(rows, ReportFilter(from_date=first, to_date=last), PUBLIC).values()) == expected


def test_the_current_quarter_counts_as_whole_up_to_today() -> None:
    assert whole_quarters(date(2026, 10, 1), TODAY, TODAY) == (2026 * 4 + 3, 2026 * 4 + 3)
    assert whole_quarters(date(2026, 10, 1), TODAY - timedelta(days=1), TODAY)[1] == 2026 * 4 + 2
    assert whole_quarters(date(2026, 10, 2), None, TODAY) == (2027 * 4, 2026 * 4 + 3)


def test_notices_follow_from_the_filter_only() -> None:
    def told(chosen: ReportFilter, viewer: Viewer = PUBLIC) -> tuple[str, ...]:
        return Asked(chosen, viewer, TODAY, WORDS).notices()

    assert told(ReportFilter()) == ("small_numbers",)
    assert told(ReportFilter(categories=("c1",))) == ("small_numbers", "whole_themes")
    assert told(ReportFilter(from_date=date(2026, 2, 1))) == ("small_numbers", "whole_quarters")
    assert told(ReportFilter(from_date=date(2026, 4, 1), to_date=date(2026, 6, 30))) == ("small_numbers",)
    assert told(ReportFilter(severity_min=3)) == ("small_numbers", "no_parts")
    assert told(ReportFilter(organisation="one")) == ("small_numbers", "no_parts")
    assert told(ReportFilter(organisation="one"), COORDINATOR) == ()
    assert told(ReportFilter(categories=("c1",)), PARTNER) == ()
    assert told(ReportFilter(categories=("c4",)), PARTNER) == ("small_numbers", "whole_themes")
    assert told(ReportFilter(), COORDINATOR) == ()


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_published_counts(k: int) -> None:
    counts = np.arange(200)
    shown = published(counts, k)
    assert not shown[:k].any()
    assert (shown % k == 0).all()
    assert (shown[k:] >= k).all()
    assert np.abs(shown - counts)[k:].max() <= k / 2


def test_groups_by_counting_equal_groups_by_a_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    rows = rows_of([(int(c), int(d), int(p), 1) for c, d, p in rng.integers([1, 0, 0], [6, 540, 6], (800, 3))])
    themes = theme_table(WORDS)
    expected: dict[tuple[int, ...], int] = {}
    for index in range(len(rows)):
        day = date(2000, 1, 1) + timedelta(days=int(rows.day[index]))
        key = (
            int(themes[rows.category[index]]), int(rows.flags[index] >> 2 & 3 == 2), quarter_number(day),
            int(rows.column[index]) // 16, int(rows.row[index]) // 16,
        )  # fmt: skip
        expected[key] = expected.get(key, 0) + 1
    wanted = {key: int(published(np.array(n), K)) for key, n in expected.items() if n >= K}

    def as_dictionary(groups: Groups) -> dict[tuple[int, ...], int]:
        parts = groups.theme, groups.restricted, groups.quarter, groups.column, groups.row
        return dict(zip(zip(*(map(int, part) for part in parts), strict=True), map(int, groups.count), strict=True))

    assert len(wanted) > 10
    assert as_dictionary(groups_of(rows, themes, K, restricted_only=False)) == wanted
    monkeypatch.setattr("app.heat.protect._DENSE", 0)
    assert as_dictionary(groups_of(rows, themes, K, restricted_only=False)) == wanted
    restricted = groups_of(rows, themes, K, restricted_only=True)
    assert as_dictionary(restricted) == {key: n for key, n in wanted.items() if key[1]}


def test_spread_keeps_the_sum_and_the_surface_is_flat_inside() -> None:
    rows = rows_of([(1, 10, 0, 50), (1, 200, 0, 50), (1, 10, 3, 20)])
    groups = groups_of(rows, theme_table(WORDS), K, restricted_only=False)
    points = spread(groups)
    assert points.mass == pytest.approx(120)
    assert density(points, 150).mass() == pytest.approx(120, rel=1e-5)


def test_whole_themes() -> None:
    for chosen, expected in (({1, 2, 3}, [True, False]), ({3}, [False, False]), ({4, 5}, [False, True])):
        assert whole_themes(frozenset(chosen), WORDS, restricted_only=False).tolist() == expected
    assert whole_themes(frozenset({3}), WORDS, restricted_only=True).tolist() == [True, False]


def test_quarters() -> None:
    for number in range(2020 * 4, 2030 * 4):
        assert quarter_number(quarter_start(number)) == quarter_number(quarter_end(number)) == number
        assert quarter_end(number) + timedelta(days=1) == quarter_start(number + 1)


def test_pairs_of_every_simple_filter() -> None:
    """Exhaustive on one crowded and one quiet square: themes × quarters, every pair, every cell."""
    rows = rows_of([(1, 40, 0, 9), (1, 130, 0, 4), (4, 40, 0, 6), (2, 40, 2, 3), (5, 310, 2, 12), (3, 40, 0, 4)])
    starts = [None, *[quarter_start(q) for q in range(2025 * 4 + 1, 2026 * 4 + 4)]]
    ends = [None, *[quarter_end(q) for q in range(2025 * 4 + 1, 2026 * 4 + 4)]]
    chosen = [
        ReportFilter(themes=themes, from_date=first, to_date=last)
        for themes in ((), ("a",), ("b",))
        for first, last in itertools.product(starts, ends)
        if not (first and last and first > last)
    ]
    seen = [blocks(answer(rows, one, PUBLIC)) for one in chosen]
    for one, other in itertools.combinations(seen, 2):
        for block in one.keys() | other.keys():
            assert round(abs(one.get(block, 0.0) - other.get(block, 0.0)), 6) % K == 0


def layer_sums(rows: Rows, chosen: ReportFilter, measure: Measure, viewer: Viewer) -> Array:
    """What a viewer's picture of a measure is made of, in every square; as much as can be learned from it."""
    reference = Reference(exposures={"stops": Exposure(Points(*(axis.ravel().astype(np.uint32) for axis in STOPS)))})
    kept = Kept(rows, 0, WORDS, reference, MOMENT, organisations=ORGANISATIONS)
    heat = Heat(create_engine("postgresql+psycopg2://"), K, today=lambda: TODAY)
    layer = Look(heat, kept, HeatQuery(chosen, 100, measure), viewer, TODAY).picture().layer
    assert isinstance(layer, DensityLayer | RatioLayer)
    surface = layer.surface if isinstance(layer, DensityLayer) else layer.reports
    period = Look(heat, kept, HeatQuery(chosen, 100, measure), viewer, TODAY).picture().period
    days = 30.0 if period is None else float(period.days)
    # Undo the rate: what is left is a sum of counts, smoothed.
    return surface.at(*PROBES) * days / 30


def grid(east: Array, north: Array) -> tuple[Array, Array]:
    first, second = np.meshgrid(east, north)
    return first, second


# Stops in subcells, and places in metres, over all that rows_of can make.
STOPS = grid(6_600_000 + 4000 * np.arange(100), 9_900_000 + 4000 * np.arange(100))
PROBES = grid(np.linspace(647_500, 652_500, 40), np.linspace(6_975_500, 6_977_500, 20))


@settings(max_examples=25)
@given(REPORTS, filters(), st.sampled_from(["count", "per_exposure"]))
def test_over_measures_too_the_public_sees_only_published_groups(
    reports: list[tuple[int, int, int, int]], chosen: ReportFilter, code: str
) -> None:
    """Every picture of the public is the same as if the register held nothing but the published groups.

    So nothing can be learned from any combination of measures that the groups do not say: whoever subtracts them gets
    sums of multiples of k.
    """
    rows = rows_of(reports)
    measure = Measure(code, exposure="stops" if code == "per_exposure" else "")
    groups = groups_of(rows, theme_table(WORDS), K, restricted_only=False)
    asked = Asked(chosen, PUBLIC, TODAY, WORDS)
    published_only = density(spread(asked.groups(groups)), 100).at(*PROBES)
    np.testing.assert_allclose(
        layer_sums(rows, chosen, measure, PUBLIC),
        published_only,
        rtol=1e-3,
        atol=1e-3 * max(1e-9, published_only.max()),
    )


@settings(max_examples=25)
@given(REPORTS, filters(), st.sampled_from(["weighted", "change", "significance"]))
def test_over_measures_too_a_partner_learns_nothing_of_restricted_reports(
    reports: list[tuple[int, int, int, int]], chosen: ReportFilter, code: str
) -> None:
    rows = rows_of(reports)
    open_rows = rows.take(rows.flags >> 2 & 3 < 2)
    kept = [Kept(one, 0, WORDS, Reference(), MOMENT, organisations=ORGANISATIONS) for one in (rows, open_rows)]
    heat = Heat(create_engine("postgresql+psycopg2://"), K, today=lambda: TODAY)
    first, second = (
        Drawing(Look(heat, one, HeatQuery(chosen, 100, Measure(code)), PARTNER, TODAY)).picture() for one in kept
    )
    np.testing.assert_array_equal(
        first.layer.classes(PROBES[0], PROBES[1], 1), second.layer.classes(PROBES[0], PROBES[1], 1)
    )
    assert (first.reports, first.reports_before) == (second.reports, second.reports_before)
