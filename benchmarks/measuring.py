"""Taking turns: a thing and what it is measured against, round after round, medians at the end.

These machines are noisy, so a figure only counts as a ratio to another of the same round.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Figure", "compare", "per_second", "report"]


@dataclass(frozen=True, slots=True)
class Figure:
    """The medians of two things that took turns, and of their ratio round by round."""

    name: str
    ours: float
    bare: float
    ratio: float
    rounds: int


def timed(action: Callable[[], object]) -> float:
    """Give the seconds that an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def compare(
    name: str, ours: Callable[[], object], bare: Callable[[], object], *, rounds: int = 5
) -> Figure:
    """Time two actions in turn; ``ratio`` is bare over ours, so more is better."""
    pairs = [(timed(ours), timed(bare)) for _ in range(rounds + 1)][1:]
    return Figure(
        name,
        statistics.median(ours for ours, _ in pairs),
        statistics.median(bare for _, bare in pairs),
        statistics.median(bare / ours for ours, bare in pairs),
        rounds,
    )


def per_second(count: int, seconds: float) -> str:
    """Write a rate."""
    return f"{count / seconds:,.0f}/s"


def report(line: str) -> None:
    """Print one line of a result at once."""
    print(line, flush=True)
