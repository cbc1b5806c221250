"""Small charts that stand in a line of text: a line through values, and bars of counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["HEIGHT", "WIDTH", "SparkBar", "spark_bars", "spark_lines"]

WIDTH, HEIGHT = 120.0, 22.0
_EDGE = 2.0
_LEAST = 2.0
_FILLED = 0.7


@dataclass(frozen=True, slots=True)
class SparkBar:
    """The bar of one count that is not nought."""

    x: float
    y: float
    width: float
    height: float


def spark_lines(values: Sequence[float | None]) -> Sequence[str]:
    """Draw values that lie evenly apart, from nought up to the most.

    Gives the points of each line as SVG takes them; a line breaks where a value is unknown, and a
    value that stands alone is a line of no length.
    """
    most = max([one for one in values if one is not None], default=0.0)
    step = WIDTH / max(1, len(values) - 1)
    points = [
        None if value is None else f"{number * step:.1f},{_y(value, most):.1f}"
        for number, value in enumerate(values)
    ]
    lines: list[list[str]] = []
    for before, point in pairwise([None, *points]):
        if point is None:
            continue
        if before is None:
            lines.append([])
        lines[-1].append(point)
    return [" ".join(line if len(line) > 1 else line * 2) for line in lines]


def _y(value: float, most: float) -> float:
    room = HEIGHT - 2 * _EDGE
    return HEIGHT - _EDGE - (room * value / most if most > 0 else 0.0)


def spark_bars(counts: Sequence[int]) -> Sequence[SparkBar]:
    """Draw counts as bars, the most as high as there is room."""
    most = max(counts, default=0)
    slot = WIDTH / max(1, len(counts))
    bars = []
    for number, count in enumerate(counts):
        if count:
            height = round(max(_LEAST, HEIGHT * count / most), 1)
            x, width = round(number * slot, 1), round(slot * _FILLED, 1)
            bars.append(SparkBar(x, round(HEIGHT - height, 1), width, height))
    return bars
