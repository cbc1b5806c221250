"""Differences of durations as bars around nought."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.charts.deltas import Delta, DeltaBar, draw_deltas

SECONDS = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
DELTAS = st.builds(Delta, SECONDS, st.none() | st.floats(min_value=0, max_value=1e6))


def test_the_scale_is_that_of_the_greatest() -> None:
    """It reaches an edge, and the others lie in proportion to it, less to the left of nought."""
    assert draw_deltas([Delta(10.0, 5.0), Delta(-5.0), None]) == [
        DeltaBar(50.0, 50.0, 25.0),
        DeltaBar(25.0, 25.0, 0.0),
        None,
    ]


@given(st.lists(st.none() | DELTAS, max_size=8))
def test_everything_lies_within_the_chart(deltas: list[Delta | None]) -> None:
    """On the side of its sign, never wider than that, and seen where there is a difference."""
    for delta, bar in zip(deltas, draw_deltas(deltas), strict=True):
        assert (delta is None) == (bar is None)
        if delta is None or bar is None:
            continue
        assert 0 <= bar.x <= bar.x + bar.width <= 100.001
        assert 0 <= bar.band <= 50
        assert (bar.width > 0) == (delta.seconds != 0)
        assert bar.x == 50 if delta.seconds >= 0 else bar.x < 50
