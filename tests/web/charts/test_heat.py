"""How dark cells are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.charts.heat import LEVELS, heat_levels


def test_the_slowest_is_the_darkest() -> None:
    """What is unknown is as light as what took no time."""
    assert heat_levels([0.0, 1.0, 2.0, 3.9, 4.0, None]) == [1, 2, 3, 4, 4, 1]
    assert heat_levels([None, 0.0]) == [1, 1]


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=20))
def test_who_took_longer_is_never_lighter(seconds: list[float]) -> None:
    """The levels have the order of the durations."""
    levels = heat_levels(seconds)
    assert set(levels) <= set(range(1, LEVELS + 1))
    pairs = sorted(zip(seconds, levels, strict=True))
    assert [level for _, level in pairs] == sorted(levels)
