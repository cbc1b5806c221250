"""A period: one that ends before it begins is a mistake, and an empty one is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.errors import PeriodReversed
from projections.listing.period import check_period

TEN = datetime(2026, 1, 15, 10, tzinfo=UTC)


@given(st.none() | st.integers(0, 3), st.none() | st.integers(0, 3))
def test_only_an_end_before_the_begin_is_refused(low: int | None, high: int | None) -> None:
    """Equal bounds are an empty period, and what has one bound alone ends before nothing."""
    is_reversed = low is not None and high is not None and high < low
    if not is_reversed:
        check_period(("begin", low), ("end", high))
        return
    with pytest.raises(PeriodReversed):
        check_period(("begin", low), ("end", high))


def test_both_bounds_are_named() -> None:
    """With what they are, times in UTC whatever zone they were given in."""
    later = (TEN + timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=5)))
    with pytest.raises(PeriodReversed) as caught:
        check_period(("since", later), ("until", TEN))
    assert (caught.value.begin, caught.value.field) == ("since", "until")
    assert str(caught.value) == (
        "until: 2026-01-15T10:00:00Z is before since, which is 2026-01-15T10:00:00.000001Z"
    )

    with pytest.raises(PeriodReversed) as caught:
        check_period(("above", 1234567.5), ("below", 1234567.0))
    assert str(caught.value) == "below: 1234567 s is less than above, which is 1234567.5 s"
