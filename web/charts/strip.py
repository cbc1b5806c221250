"""The last runs of a pipeline side by side: a bar for each, as high as it took long.

A page may show thousands of them, so the bars of one kind are drawn together, as one path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["HEIGHT", "STEP", "StripBar", "StripPath", "draw_strip", "join_bars"]

HEIGHT = 36.0
STEP = 10.0
_LEAST = 4.0
# So high that the mark fits in that tells how it ended.
_LEAST_WITH_MARK = 9.0
# Half of the line around a bar, which lies within it.
_EDGE = 0.5
_SIDE = 2.0
_MARKED = frozenset({"failed", "lost"})


@dataclass(frozen=True, slots=True)
class StripBar:
    """One run as a bar.

    Attributes:
        x: how far to the right its place begins, in units of the drawing.
        height: likewise.
        state: how the run stands.
        outline: the bar as a path.
        cross: the mark of one that failed, as a path; None for others.
    """

    x: float
    height: float
    state: str
    outline: str
    cross: str | None


@dataclass(frozen=True, slots=True)
class StripPath:
    """The bars of all runs that stand in one way, each as it would be drawn alone."""

    state: str
    outline: str
    cross: str | None


def draw_strip(
    runs: Sequence[tuple[str, float | None]], *, places: int, at_end: bool = True
) -> Sequence[StripBar]:
    """Lay out runs, the oldest first.

    The highest bar is that of the longest run; one of unknown length is as low as can be.

    Args:
        runs: of each how it stands, and how many seconds it took.
        places: for how many there is room.
        at_end: whether fewer runs than places stand at the end of the strip.
    """
    longest = max([seconds for _, seconds in runs if seconds is not None], default=0.0)
    offset = places - len(runs) if at_end else 0
    bars = []
    for number, (state, seconds) in enumerate(runs, offset):
        least = _LEAST_WITH_MARK if state in _MARKED else _LEAST
        share = seconds / longest if seconds and longest > 0 else 0.0
        height = round(max(least, HEIGHT * share), 1)
        bars.append(_bar(number * STEP, height, state))
    return bars


def join_bars(bars: Sequence[StripBar]) -> Sequence[StripPath]:
    """Draw bars with as few paths as there are states."""
    return [
        StripPath(
            state,
            "".join(bar.outline for bar in bars if bar.state == state),
            "".join(bar.cross or "" for bar in bars if bar.state == state) or None,
        )
        for state in dict.fromkeys(bar.state for bar in bars)
    ]


def _bar(x: float, height: float, state: str) -> StripBar:
    top = HEIGHT - height
    outline = f"M{x + _SIDE:g} {top + _EDGE:.1f}h6V{HEIGHT - _EDGE:g}h-6z"
    cross = f"M{x + 3.2:g} {top + 2.7:.1f}l3.6 3.6m0-3.6l-3.6 3.6" if state in _MARKED else None
    return StripBar(x, height, state, outline, cross)
