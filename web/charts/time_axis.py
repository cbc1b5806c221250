"""A linear axis of time: where a moment lies on it, in percent, and where its ticks are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from web.wording import duration_text

__all__ = ["Tick", "TimeAxis"]

_MOST_TICKS = 6
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_STEPS = (
    *(factor * 10.0**power for power in range(-3, 1) for factor in (1, 2, 5)),
    *(10.0, 15.0, 30.0),
    *(factor * _MINUTE for factor in (1, 2, 5, 10, 15, 30)),
    *(factor * _HOUR for factor in (1, 2, 3, 6, 12)),
    *(factor * _DAY for factor in (1, 2, 7, 14, 30, 90, 365)),
)
_CLOSE_TO_THE_END = 97.0


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick: where it is, in percent, and what stands at it."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """From the second ``begin`` to the second ``end``, of any clock."""

    begin: float
    end: float

    @property
    def span(self) -> float:
        """How many seconds there are on it; never none."""
        return max(self.end - self.begin, 0.001)

    def x(self, moment: float) -> float:
        """Say where a moment lies, in percent; what is outside lies at the edge."""
        share = (moment - self.begin) / self.span
        return round(100 * min(1.0, max(0.0, share)), 3)

    def width(self, begin: float, end: float) -> float:
        """Say how wide the time between two moments is, in percent."""
        return round(max(0.0, self.x(end) - self.x(begin)), 3)

    def ticks(self) -> Sequence[Tick]:
        """Give the ticks, told as the time that has passed since the beginning."""
        step = next((one for one in _STEPS if self.span / one <= _MOST_TICKS), None)
        if step is None:
            step = _STEPS[-1] * math.ceil(self.span / _STEPS[-1] / _MOST_TICKS)
        count = int(self.span / step)
        ticks = [
            Tick(self.x(self.begin + step * number), _label(step * number))
            for number in range(count + 1)
        ]
        return [tick for tick in ticks if tick.x < _CLOSE_TO_THE_END]


def _label(seconds: float) -> str:
    """Say how much time has passed, without units that are nought."""
    if seconds == 0:
        return "0"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < _MINUTE:
        return f"{seconds:g} s"
    text = duration_text(seconds)
    return text.removesuffix(" 00 s").removesuffix(" 00 m").removesuffix(" 0 h")
