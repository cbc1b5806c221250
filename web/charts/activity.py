"""How many runs began when: a bar for each slot of time, stacked by result.

The drawing is 100 wide, however wide it is shown, and the parts of one result are one path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["HEIGHT", "WIDTH", "ActivityChart", "Slot", "Stack", "draw_activity"]

WIDTH, HEIGHT = 100.0, 60.0
# On both sides of a bar, as a share of its slot.
_GAP = 0.12
_ORDER = ("success", "stopped", "running", "failed")
_LEAST_HEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Stack:
    """A part of a bar: the runs of one result."""

    result: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of time, and how many runs began in it, by result."""

    begin: datetime
    end: datetime
    stacks: Sequence[Stack]
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All runs that began in it."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class ActivityChart:
    """The whole chart.

    Attributes:
        slots: evenly apart.
        paths: of each result that there is, the parts of all bars.
        most: how many runs the highest bar stands for.
    """

    slots: Sequence[Slot]
    paths: Sequence[tuple[str, str]]
    most: int


def draw_activity(
    counts: Sequence[Mapping[str, int]], *, begin: datetime, slot: timedelta
) -> ActivityChart:
    """Lay out the runs of each slot.

    Args:
        counts: for each slot, the number of runs of each result that began in it.
        begin: when the first slot begins.
        slot: how long one is.
    """
    most = max([sum(each.values()) for each in counts], default=0)
    slots = [
        Slot(begin + number * slot, begin + (number + 1) * slot, _stacks(each, most), each)
        for number, each in enumerate(counts)
    ]
    return ActivityChart(slots, _paths(slots), most)


def _paths(slots: Sequence[Slot]) -> Sequence[tuple[str, str]]:
    step = WIDTH / max(1, len(slots))
    wide = f"{step * (1 - 2 * _GAP):.3f}"
    parts: dict[str, list[str]] = {}
    for number, slot in enumerate(slots):
        left = f"{step * (number + _GAP):.3f}"
        for part in slot.stacks:
            outline = f"M{left} {part.y:g}h{wide}v{part.height:g}h-{wide}z"
            parts.setdefault(part.result, []).append(outline)
    return [(result, "".join(outlines)) for result, outlines in parts.items()]


def _stacks(counts: Mapping[str, int], most: int) -> Sequence[Stack]:
    y, stacks = HEIGHT, []
    for result in _ORDER:
        number = counts.get(result, 0)
        if number:
            height = max(_LEAST_HEIGHT, round(HEIGHT * number / most, 2))
            y = max(0.0, round(y - height, 2))
            stacks.append(Stack(result, y, height))
    return stacks
