"""Durations in buckets of a fixed relative width: what percentiles are told from, within 1%.

Each power of two is split into 64 buckets of the same width, so a bucket is at most 1/64 of its
lower bound wide, and its middle lies within 1/128 (0.8%) of whatever fell into it. The number of a
bucket is worked out without rounding: the same duration has the same bucket on every machine. And
counts add up, so histograms of parts of a time, and of parts of a log, can be merged in any order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from math import ceil, frexp, ldexp
from typing import TypeVar

__all__ = ["ZERO", "bucket_of", "middle_of", "percentiles"]

Bucket = TypeVar("Bucket", int, str)

_BUCKETS = 64
# So that all numbers have six digits, and their texts the order of the numbers.
_OFFSET = 200_000
ZERO = 100_000
"""The bucket of durations of zero seconds; below all others."""


def bucket_of(seconds: float) -> int:
    """Give the number of the bucket of a duration."""
    if seconds <= 0:
        return ZERO
    # Between a half and one, times a power of two.
    fraction, power = frexp(seconds)
    return _OFFSET + (power - 1) * _BUCKETS + int(fraction * (2 * _BUCKETS))


@lru_cache(maxsize=4096)
def middle_of(bucket: int | str) -> float:
    """Give the duration in the middle of a bucket, in seconds; its number may be text."""
    number = int(bucket)
    if number == ZERO:
        return 0.0
    power, place = divmod(number - _OFFSET, _BUCKETS)
    return ldexp(0.5 + (place + 0.5) / (2 * _BUCKETS), power)


def percentiles(
    buckets: Sequence[Bucket], counts: Sequence[int], shares: tuple[float, ...], longest: float
) -> tuple[float, ...]:
    """Give the durations that shares of all durations do not exceed, by the nearest rank.

    Args:
        buckets: their numbers, in order, which may all be texts.
        counts: how many durations there are in each of them; at least one in all.
        shares: above 0, at most 1.
        longest: the longest duration, which none of the answers exceeds.
    """
    reached = list(accumulate(counts))
    total = reached[-1]
    places = [bisect_left(reached, ceil(share * total)) for share in shares]
    return tuple([min(middle_of(buckets[place]), longest) for place in places])
