"""Whether pipelines do what is expected of them: a pure decision on what is known of their runs.

What is found, and when it is over:

- ``no_run``: a pipeline that is expected has no run at all; its name may be misspelt.
- ``no_success``: a success is expected, and none has ever been.
- ``too_old``: the last success ended longer ago than is allowed.
- ``ahead``: it ended so far ahead of now that it says nothing; a clock is wrong.
- ``presumed_dead``: the writer of a run is gone, and no run that began after it has succeeded.
- ``too_long``: a run goes on for longer than is allowed.
- ``regression``: the last success took longer than usual; the next that does not ends it.

The last success is that of the run that began last, by the order of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict

from projections.runs.run_summary import RunSummary, UtcText

__all__ = [
    "Expectation",
    "Finding",
    "FindingKind",
    "PipelineStanding",
    "Slowdown",
    "findings_of",
]

FindingKind = Literal[
    "no_run", "no_success", "too_old", "ahead", "presumed_dead", "too_long", "regression"
]


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of a pipeline; what is None is not expected.

    Attributes:
        pipeline: its name; None stands for any, where there is none yet.
        within: its last success ended no longer ago.
        max_duration: no run of it goes on for longer.
        regressions: whether its last success may not have been slower than usual.
        by_name: whether somebody expects it by its name, so that it has to exist.
    """

    pipeline: str | None
    within: timedelta | None = None
    max_duration: timedelta | None = None
    regressions: bool = True
    by_name: bool = False


class Slowdown(msgspec.Struct, frozen=True):
    """The last success of a pipeline, or a stage of it, took longer than usual.

    Attributes:
        stage: the stage; None for the run as a whole.
        seconds: how long it took.
        usual_seconds: how long it usually takes.
    """

    stage: str | None
    seconds: float
    usual_seconds: float


class PipelineStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a pipeline.

    Attributes:
        has_runs: whether there is any run of it.
        last_success: of its runs that succeeded, the one that began last.
        going_on: its runs without an end, with their liveness.
        given_up: those that were recorded as abandoned, and began after the last success.
        slowdowns: what of the last success was slower than usual.
    """

    has_runs: bool = False
    last_success: RunSummary | None = None
    going_on: Sequence[RunSummary] = ()
    given_up: Sequence[RunSummary] = ()
    slowdowns: Sequence[Slowdown] = ()


class Finding(BaseModel):
    """Something that is not as expected.

    Attributes:
        kind: what.
        pipeline: of which pipeline; null where there is none at all.
        run_id: the run that shows it, if one does.
        stage: the stage of it that was slower than usual; null for the run as a whole.
        at: when that run ended; of one that goes on, when it began; of one that is presumed dead,
            when it was last heard of.
        seconds: how long ago that is, or how long the run takes or took.
        allowed_seconds: how much is allowed, or usual.
    """

    model_config = ConfigDict(frozen=True)

    kind: FindingKind
    pipeline: str | None
    run_id: str | None = None
    stage: str | None = None
    at: UtcText | None = None
    seconds: float | None = None
    allowed_seconds: float | None = None


def findings_of(
    expected: Expectation, standing: PipelineStanding, now: datetime
) -> Iterator[Finding]:
    """Yield what is not as expected of one pipeline, the age of its last success first.

    Args:
        expected: what is expected of it.
        standing: what is known of it.
        now: an aware time.
    """
    if not standing.has_runs:
        if expected.by_name or expected.within is not None:
            yield Finding(kind="no_run", pipeline=expected.pipeline)
        return
    if expected.within is not None:
        yield from _age(expected.pipeline, expected.within, standing.last_success, now)
    yield from _dead(expected.pipeline, standing, now)
    if expected.max_duration is not None:
        yield from _too_long(expected.pipeline, expected.max_duration, standing.going_on, now)
    if expected.regressions and standing.last_success is not None:
        yield from _slower(expected.pipeline, standing.last_success, standing.slowdowns)


def _age(
    pipeline: str | None, within: timedelta, success: RunSummary | None, now: datetime
) -> Iterator[Finding]:
    if success is None or success.ended_at is None:
        yield Finding(kind="no_success", pipeline=pipeline)
        return
    age = now - success.ended_at
    if abs(age) > within:
        yield Finding(
            kind="too_old" if age > within else "ahead",
            pipeline=pipeline,
            run_id=success.run_id,
            at=success.ended_at,
            seconds=abs(age).total_seconds(),
            allowed_seconds=within.total_seconds(),
        )


def _dead(pipeline: str | None, standing: PipelineStanding, now: datetime) -> Iterator[Finding]:
    success = standing.last_success
    behind = 0 if success is None else success.started_position
    dead = [run for run in standing.going_on if run.liveness == "presumed dead"]
    for run in (*standing.given_up, *dead):
        if run.started_position > behind:
            # The event that gave a run up is no sign of life; its start was one.
            heard = run.last_event_at if run.result is None else run.started_at
            yield Finding(
                kind="presumed_dead",
                pipeline=pipeline,
                run_id=run.run_id,
                at=heard,
                seconds=_seconds(heard, now),
            )


def _too_long(
    pipeline: str | None, most: timedelta, going_on: Iterable[RunSummary], now: datetime
) -> Iterator[Finding]:
    for run in going_on:
        if run.liveness == "presumed dead" or run.started_at is None:
            continue
        if now - run.started_at > most:
            yield Finding(
                kind="too_long",
                pipeline=pipeline,
                run_id=run.run_id,
                at=run.started_at,
                seconds=_seconds(run.started_at, now),
                allowed_seconds=most.total_seconds(),
            )


def _slower(
    pipeline: str | None, success: RunSummary, slowdowns: Iterable[Slowdown]
) -> Iterator[Finding]:
    for slow in slowdowns:
        yield Finding(
            kind="regression",
            pipeline=pipeline,
            run_id=success.run_id,
            stage=slow.stage,
            at=success.ended_at,
            seconds=slow.seconds,
            allowed_seconds=slow.usual_seconds,
        )


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else (now - since).total_seconds()
