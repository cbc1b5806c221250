"""How long a run and its stages usually take, and when one is slower than that.

The baseline of a run is made of the last 20 runs of its pipeline that succeeded and began before
it. Of their durations the median is what is usual, and the median of how far they lie from it is
the spread. The same is done for each stage, of the last successful attempt in each of these runs.

A run, or a stage that passed in it, is a regression when it took at least 1.5 times the median, and
lies above the median by more than 3 times the spread and by at least a second, and there were at
least 5 successes. It is so for runs that succeeded: what failed or was stopped says nothing about
speed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict

from projections.listing.run_history import RunHistory
from projections.read_model.queries import query

__all__ = [
    "ENOUGH",
    "FACTOR",
    "FLOOR_SECONDS",
    "LAST",
    "SPREADS",
    "Baseline",
    "FinishedRun",
    "Usual",
    "baseline",
    "baseline_of",
    "finished_run",
    "is_regression",
    "is_slower",
    "median_of",
    "ratio",
    "usual",
]

LAST = 20
"""How many successes a baseline is made of, at most."""

ENOUGH = 5
"""Of fewer successes no regression is told."""

FACTOR = 1.5
SPREADS = 3.0
FLOOR_SECONDS = 1.0
"""What takes milliseconds doubles its time whenever the machine is busy."""

_SUCCESS = "success"


class Usual(BaseModel):
    """How long something usually takes.

    Attributes:
        median: in seconds.
        spread: the median of how far each lies from the median, in seconds.
        successes: how many durations it was told from.
    """

    model_config = ConfigDict(frozen=True)

    median: float
    spread: float
    successes: int


class Baseline(BaseModel):
    """What is usual for a run: its duration, and that of each stage by its name.

    ``run`` is null, and a stage is not named, where no success came before.
    """

    model_config = ConfigDict(frozen=True)

    run: Usual | None
    stages: Mapping[str, Usual]


class _Attempt(msgspec.Struct, frozen=True):
    """What matters of an attempt that is served; the rest is passed over."""

    stage: str
    result: str | None = None
    duration_seconds: float | None = None


class FinishedRun(msgspec.Struct, frozen=True):
    """How long a run and the stages that passed in it took, in seconds."""

    seconds: float | None
    stages: Mapping[str, float]


_decode = msgspec.json.Decoder(tuple[_Attempt, ...]).decode


def finished_run(seconds: float | None, attempts: str) -> FinishedRun:
    """Read the durations of a run from its attempts, the JSON that is served."""
    stages = {
        attempt.stage: attempt.duration_seconds
        for attempt in _decode(attempts)
        if attempt.result == _SUCCESS and attempt.duration_seconds is not None
    }
    return FinishedRun(seconds, stages)


def usual(durations: Sequence[float]) -> Usual | None:
    """Give what is usual among durations; None where there are none."""
    if not durations:
        return None
    middle = median_of(sorted(durations))
    return Usual(median=middle, spread=_spread(durations, middle), successes=len(durations))


def _spread(durations: Sequence[float], middle: float) -> float:
    return median_of(sorted([abs(duration - middle) for duration in durations]))


def median_of(ordered: Sequence[float]) -> float:
    """Give the median of durations in ascending order, of which there is at least one."""
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    low, high = ordered[half - 1], ordered[half]
    # The sum of the two may be beyond what a float holds.
    return low + (high - low) / 2


def ratio(seconds: float, before: Usual) -> float | None:
    """Give how many times as long as usual something took; None where usually it takes no time."""
    return seconds / before.median if before.median > 0 else None


def is_regression(seconds: float, before: Usual) -> bool:
    """Tell whether a duration is well above what is usual, by the rule of this module."""
    return _is_beyond(seconds, before.successes, before.median, before.spread)


def is_slower(seconds: float, ordered: Sequence[float]) -> bool:
    """Tell the same of the durations before, in ascending order.

    It is asked of every run in some time: half of that went into what is made of them to be shown.
    """
    middle = median_of(ordered)
    return _is_beyond(seconds, len(ordered), middle, _spread(ordered, middle))


def _is_beyond(seconds: float, successes: int, middle: float, spread: float) -> bool:
    return (
        successes >= ENOUGH
        and seconds >= FACTOR * middle
        and seconds - middle > SPREADS * spread
        and seconds - middle >= FLOOR_SECONDS
    )


def baseline(successes: Iterable[FinishedRun]) -> Baseline:
    """Make the baseline of the successes before a run."""
    runs: list[float] = []
    stages: dict[str, list[float]] = {}
    for success in successes:
        if success.seconds is not None:
            runs.append(success.seconds)
        for stage, seconds in success.stages.items():
            stages.setdefault(stage, []).append(seconds)
    return Baseline(
        run=usual(runs),
        stages={stage: made for stage in stages if (made := usual(stages[stage])) is not None},
    )


def baseline_of(asked: RunHistory | sqlite3.Connection, run_id: str) -> Baseline | None:
    """Give the baseline of a run, however it ended or if it goes on; None for an unknown run.

    Args:
        asked: the history of the ledger; or a connection to its read model, as a question that
            is asked of the history is given.
        run_id: the run.
    """
    if isinstance(asked, RunHistory):
        return asked.ask(lambda connection, _: _baseline_of(connection, run_id))
    return _baseline_of(asked, run_id)


def _baseline_of(connection: sqlite3.Connection, run_id: str) -> Baseline | None:
    place: tuple[Any, ...] | None = connection.execute(query("place_of_run"), (run_id,)).fetchone()
    if place is None:
        return None
    pipeline, started, run = place
    values = {"pipeline": pipeline, "started": started, "run": run, "limit": LAST}
    rows = connection.execute(query("successes_before"), values).fetchall()
    return baseline(finished_run(duration, attempts) for _, duration, attempts in rows)
