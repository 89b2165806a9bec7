"""The geometry of the charts: every number is where the axis says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.desk import charts

DAY = 86_400.0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=80))
def test_columns_stand_on_the_floor_at_the_height_that_the_axis_says(values: list[tuple[int, int]]) -> None:
    made = charts.columns([[a for a, _b in values], [b for _a, b in values]])
    top = made.y_ticks[-1]
    assert top.value >= max(max(pair) for pair in values)
    for bar in made.bars:
        assert made.left <= bar.x
        assert bar.x + bar.width <= made.right + 0.1
        assert abs(bar.y + bar.height - made.floor) < 0.02
    said = [[a for a, _b in values], [b for _a, b in values]]
    for series in (0, 1):
        heights = [bar.height for bar in made.bars if bar.series == series]
        for height, value in zip(heights, said[series], strict=True):
            assert abs(height / (made.floor - top.at) - value / top.value) < 0.001


def test_a_scale_counts_in_steps_that_people_count_in() -> None:
    assert [charts.nice_step(most) for most in (0, 1, 3, 4, 7, 62, 100, 999)] == [1, 1, 1, 1, 2, 20, 25, 250]
    assert [charts.time_step(most) for most in (600, 3600, 9 * 3600, DAY, 3 * DAY, 15 * DAY, 70 * DAY)] == [
        600, 1800, 6 * 3600, 6 * 3600, DAY, 5 * DAY, 20 * DAY,
    ]  # fmt: skip


def test_labels_never_crowd() -> None:
    for count in (1, 7, 8, 27, 61):
        made = charts.columns([[1] * count])
        assert len(made.x_ticks) <= 7
        assert made.x_ticks[0].value == 0


@given(st.lists(st.tuples(st.floats(0, 10**8), st.floats(0, 10**8)), min_size=1, max_size=40))
def test_spans_reach_the_median_and_the_90th_percentile(values: list[tuple[float, float]]) -> None:
    ordered = [(min(pair), max(pair)) for pair in values]
    made = charts.spans(ordered)
    last = made.ticks[-1]
    assert last.value >= max(p90 for _median, p90 in ordered)
    for row, (median, p90) in zip(made.rows, ordered, strict=True):
        for x, value in ((row.median_x, median), (row.p90_x, p90)):
            assert abs((x - made.left) / (last.at - made.left) - value / last.value) < 0.001
    assert [row.y for row in made.rows] == sorted(row.y for row in made.rows)
    assert made.rows[-1].y + made.bar_height < made.floor


def test_nothing_is_no_error() -> None:
    assert charts.columns([[], []]).bars == ()
    assert charts.spans([]).rows == ()
