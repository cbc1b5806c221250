"""How long the runs of a pipeline and their stages usually take: by the last successes there are.

The median says what is usual, and the spread how much that scatters: the median of how far each
lies from the median, so that half of them lie within one spread, and a single odd one moves
neither.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from statistics import median

import msgspec
from pydantic import BaseModel, ConfigDict

from projections.queries import query

__all__ = [
    "NOTHING_USUAL",
    "Usual",
    "UsualDurations",
    "is_slow",
    "stage_durations",
    "usual_before",
    "usual_of",
]

_LAST = 20
_ENOUGH = 5
_RATIO = 1.5
_SPREADS = 3.0
_NOTICED = 1.0


class Usual(BaseModel):
    """How long something usually takes.

    Attributes:
        median: seconds.
        spread: seconds; half of them lie within one of the median. 0 where most took as long.
        count: of how many successes.
    """

    model_config = ConfigDict(frozen=True)

    median: float
    spread: float
    count: int


class UsualDurations(msgspec.Struct, frozen=True):
    """What is usual of a pipeline.

    Attributes:
        run: of its runs; None where there is no success.
        stages: of each stage, by the attempt that succeeded.
    """

    run: Usual | None = None
    stages: Mapping[str, Usual] = {}


NOTHING_USUAL = UsualDurations()


class _Attempt(msgspec.Struct, frozen=True):
    stage: str
    result: str | None
    duration_seconds: float | None


_read_attempts = msgspec.json.Decoder(list[_Attempt]).decode


def usual_of(durations: Sequence[float]) -> Usual | None:
    """Give what is usual of some durations in seconds; None where there are none."""
    if not durations:
        return None
    middle = median(durations)
    spread = median([abs(seconds - middle) for seconds in durations])
    return Usual(median=middle, spread=spread, count=len(durations))


def is_slow(seconds: float, usual: Usual) -> bool:
    """Tell whether something took so much longer than usual that somebody should look.

    That is: half as long again, by more than three spreads, and by more than a second; where five
    successes or more tell what is usual.
    """
    more = seconds - usual.median
    return (
        usual.count >= _ENOUGH
        and seconds >= _RATIO * usual.median
        and more > _SPREADS * usual.spread
        and more > _NOTICED
    )


def usual_before(connection: sqlite3.Connection, pipeline: str, position: int) -> UsualDurations:
    """Read what is usual of a pipeline from the last 20 successes that began before a position."""
    rows = connection.execute(query("successes_before"), (pipeline, position, _LAST)).fetchall()
    stages: dict[str, list[float]] = {}
    for _, attempts in rows:
        for stage, seconds in stage_durations(attempts).items():
            stages.setdefault(stage, []).append(seconds)
    found = {stage: usual_of(durations) for stage, durations in stages.items()}
    return UsualDurations(
        usual_of([seconds for seconds, _ in rows if seconds is not None]),
        {stage: usual for stage, usual in found.items() if usual is not None},
    )


def stage_durations(attempts: str) -> dict[str, float]:
    """Read how long each stage of a run took, in seconds, from its attempts as they are kept."""
    return {
        one.stage: one.duration_seconds
        for one in _read_attempts(attempts)
        if one.result == "success" and one.duration_seconds is not None
    }
