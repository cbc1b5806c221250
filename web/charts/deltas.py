"""Differences of durations beside each other: by how much each is more or less than another.

All of them share one scale, with nought in the middle. Where it is known how far durations of the
kind usually lie apart, a band around nought shows it: what ends within it is nothing unusual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Delta", "DeltaBar", "draw_deltas"]

_HALF = 50.0
_LEAST_WIDTH = 0.8


@dataclass(frozen=True, slots=True)
class Delta:
    """One difference in seconds, and the spread that is usual; None where none is known."""

    seconds: float
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class DeltaBar:
    """One bar: place and width in percent; ``band`` is how wide the band is to either side."""

    x: float
    width: float
    band: float


def draw_deltas(deltas: Sequence[Delta | None]) -> Sequence[DeltaBar | None]:
    """Lay out differences on one scale; None stays None."""
    known = [abs(one.seconds) for one in deltas if one is not None]
    most = max(known, default=0.0)
    return [None if one is None else _bar(one, most) for one in deltas]


def _bar(delta: Delta, most: float) -> DeltaBar:
    if most == 0:
        return DeltaBar(_HALF, 0.0, 0.0)
    width = round(_HALF * abs(delta.seconds) / most, 3)
    if delta.seconds:
        width = max(width, _LEAST_WIDTH)
    x = _HALF if delta.seconds >= 0 else _HALF - width
    band = 0.0 if delta.spread is None else min(_HALF, round(_HALF * delta.spread / most, 3))
    return DeltaBar(round(x, 3), width, band)
