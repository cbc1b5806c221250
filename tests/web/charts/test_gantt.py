"""Where the bars of stages and attempts lie: numbers, before anything is drawn."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.charts.gantt import MOST_LANES, MOST_ROWS, Interval, draw_gantt

STATES = ("completed", "failed", "stopped", "unfinished")


def one(stage: str, begin: float, end: float | None, attempt: int = 1, state: str = "") -> Interval:
    """Make an attempt."""
    return Interval(stage, attempt, begin, end, state or ("running" if end is None else STATES[0]))


def test_bars_lie_where_their_attempts_were() -> None:
    """A stage of the second half begins in the middle, and is half as wide as all of it."""
    chart = draw_gantt([one("a", 0, 50), one("b", 50, 100)], begin=0, end=100)
    assert [(row.stage, row.bars[0].x, row.bars[0].width) for row in chart.rows] == [
        ("a", 0, 50),
        ("b", 50, 50),
    ]
    assert [(tick.x, tick.label) for tick in chart.ticks][:2] == [(0, "0"), (30, "30 s")]


def test_retries_are_stacked_and_waits_shown() -> None:
    """Each attempt has a lane of its own, and the wait before it lies in that lane."""
    tries = [one("a", 0, 20, 1, "failed"), one("a", 50, 100, 2)]
    [row] = draw_gantt(tries, begin=0, end=100).rows
    assert [(bar.lane, bar.x, bar.width) for bar in row.bars] == [(0, 0, 20), (1, 50, 50)]
    assert [(wait.lane, wait.x, wait.width) for wait in row.waits] == [(1, 20, 30)]
    assert (row.state, row.attempts, row.seconds, row.lanes) == ("completed", 2, 70, 2)


def test_what_goes_on_grows_until_the_end_of_the_axis() -> None:
    """The bar ends now, and says how fast it gains; the axis leaves it room."""
    [row] = draw_gantt([one("a", 0, None)], begin=0, end=0, now=100.0).rows
    [bar] = row.bars
    assert 90 < bar.width < 100
    assert bar.grows == pytest.approx(100 / 104 / 1000)
    assert bar.most == 100
    assert (row.state, row.seconds, row.since) == ("running", 100, 0)


def test_attempts_longer_together_than_a_number_can_say_are_drawn() -> None:
    """The log takes any duration there is a number for; two of the longest are no obstacle."""
    most = sys.float_info.max
    [row] = draw_gantt([one("a", 0, most), one("a", 0, most, 2)], begin=0, end=most).rows
    assert row.seconds == most


def test_stages_without_attempts_have_rows_without_bars() -> None:
    """What was skipped, or still waits, is there by name and state."""
    chart = draw_gantt([one("a", 0, 1)], begin=0, end=1, without_attempts={"b": "skipped"})
    assert [(row.stage, row.state, len(row.bars)) for row in chart.rows][1] == ("b", "skipped", 0)


def test_a_stage_within_another_is_indented() -> None:
    """What a row above says already is left out of the name, and only that."""
    stages = ("load", "load/lse", "other/part/x")
    chart = draw_gantt([one(stage, 0, 1) for stage in stages], begin=0, end=1)
    assert [(row.within, row.name, row.depth) for row in chart.rows] == [
        ("", "load", 0),
        ("", "lse", 1),
        ("other/part/", "x", 0),
    ]


def test_of_very_many_stages_those_that_failed_have_rows_of_their_own() -> None:
    """The others share the last row, which counts them."""
    tries = [one(f"s{n}", n, n + 1, 1, "failed" if n == 900 else "completed") for n in range(1000)]
    chart = draw_gantt(tries, begin=0, end=1000)
    assert len(chart.rows) == MOST_ROWS
    assert "s900" in [row.stage for row in chart.rows]
    rest = chart.rows[-1]
    assert (rest.stage, rest.stages) == (None, 1000 - MOST_ROWS + 1)
    assert len(rest.bars) < 10


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.floats(0, 1e6),
            st.none() | st.floats(0, 1e6),
        ),
        max_size=30,
    )
)
def test_nothing_lies_beside_the_axis(drawn: list[tuple[str, float, float | None]]) -> None:
    """Whatever times there are: no bar is without width, or begins or ends outside."""
    tries = [
        one(stage, begin, took and begin + took, n) for n, (stage, begin, took) in enumerate(drawn)
    ]
    for row in draw_gantt(tries, begin=0, end=10).rows:
        assert row.lanes <= MOST_LANES
        for bar in row.bars:
            assert bar.width > 0
            assert 0 <= bar.x < bar.x + bar.width <= 100.5
            assert bar.lane < row.lanes
