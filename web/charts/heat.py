"""How strong the colours of a row are: how long something took, against the longest in the row."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["LEVELS", "heat_levels"]

LEVELS = 4
"""From 1, the quickest, to this, the slowest."""


def heat_levels(seconds: Sequence[float | None]) -> Sequence[int]:
    """Give the level of each duration; those that are unknown have the lowest."""
    longest = max([one for one in seconds if one is not None], default=0.0)
    if longest <= 0:
        return [1] * len(seconds)
    return [1 if one is None else _level(one / longest) for one in seconds]


def _level(share: float) -> int:
    return max(1, min(LEVELS, int(share * LEVELS) + 1))
