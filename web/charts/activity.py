"""How many runs began when: a bar for each slot of time, stacked by result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["ActivityChart", "Slot", "Stack", "draw_activity"]

HEIGHT = 60.0
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
    """One slot of time: place and width in percent, and how many runs began in it, by result."""

    begin: datetime
    end: datetime
    x: float
    width: float
    stacks: Sequence[Stack]
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All runs that began in it."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class ActivityChart:
    """The whole chart; ``most`` is how many runs the highest bar stands for."""

    slots: Sequence[Slot]
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
    width = round(100 / max(1, len(counts)), 4)
    slots = [
        Slot(
            begin + number * slot,
            begin + (number + 1) * slot,
            round(number * width, 4),
            width,
            _stacks(each, most),
            each,
        )
        for number, each in enumerate(counts)
    ]
    return ActivityChart(slots, most)


def _stacks(counts: Mapping[str, int], most: int) -> Sequence[Stack]:
    y, stacks = HEIGHT, []
    for result in _ORDER:
        number = counts.get(result, 0)
        if number:
            height = max(_LEAST_HEIGHT, round(HEIGHT * number / most, 2))
            y = max(0.0, round(y - height, 2))
            stacks.append(Stack(result, y, height))
    return stacks
