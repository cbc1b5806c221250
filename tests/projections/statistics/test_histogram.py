"""The histogram: percentiles within 1% of the exact ones, whatever the durations."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.statistics.histogram import ZERO, bucket_of, middle_of, percentiles

SHARES = (0.5, 0.9, 0.95, 0.99, 1.0)
durations = st.one_of(st.just(0.0), st.floats(1e-9, 1e12), st.floats(0.5, 2.0))


def exact(values: list[float], share: float) -> float:
    """Give the percentile by the nearest rank of all values."""
    return sorted(values)[ceil(share * len(values)) - 1]


@settings(max_examples=200)
@given(st.lists(durations, min_size=1, max_size=60))
def test_percentiles_are_within_one_percent(values: list[float]) -> None:
    """Of any durations, against sorting them all."""
    counted = Counter(map(bucket_of, values))
    buckets = sorted(counted)
    counts = [counted[bucket] for bucket in buckets]
    found = percentiles(buckets, counts, SHARES, max(values))

    for share, seconds in zip(SHARES, found, strict=True):
        assert seconds == pytest.approx(exact(values, share), rel=0.01, abs=0)
        assert seconds <= max(values)


@settings(max_examples=200)
@given(durations, durations)
def test_buckets_are_in_the_order_of_what_they_hold(one: float, other: float) -> None:
    """A longer duration is never in a lower bucket."""
    short, long = sorted((one, other))

    assert bucket_of(short) <= bucket_of(long)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.015625, 2.0, 64.0, 5e-324, 1.7e308])
def test_the_bounds_of_buckets_are_exact(seconds: float) -> None:
    """A bound belongs to the bucket above it, and no machine rounds it to the other."""
    bucket = bucket_of(seconds)

    assert middle_of(bucket) >= seconds
    assert bucket_of(middle_of(bucket)) == bucket or seconds == 5e-324


def test_no_time_at_all_is_a_duration() -> None:
    """Zero has a bucket of its own, below all others."""
    assert bucket_of(0.0) == ZERO < bucket_of(5e-324)
    assert middle_of(ZERO) == 0.0
    assert percentiles([ZERO], [3], (0.5, 0.99), 0.0) == (0.0, 0.0)
