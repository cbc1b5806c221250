"""The ticks of a time axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.charts.time_axis import TimeAxis


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (0.02, ["0", "5 ms", "10 ms", "15 ms"]),
        (3, ["0", "500 ms", "1 s", "1.5 s", "2 s", "2.5 s"]),
        (100, ["0", "30 s", "1 m", "1 m 30 s"]),
        (4 * 3600, ["0", "1 h", "2 h", "3 h"]),
        (5 * 86_400, ["0", "1 d", "2 d", "3 d", "4 d"]),
    ],
)
def test_ticks_stand_at_whole_units(span: float, labels: list[str]) -> None:
    """Each label names a time that people count in."""
    assert [tick.label for tick in TimeAxis(0, span).ticks()] == labels


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12))
def test_there_are_always_few_ticks_in_order(begin: float, span: float) -> None:
    """Of any span there are at most seven, from left to right, within the axis."""
    places = [tick.x for tick in TimeAxis(begin, begin + span).ticks()]
    assert 1 <= len(places) <= 7
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] < 100
