"""The stages and attempts of a run as its page shows them. Values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from projections import RunSummary
from projections.runs.run_summary import Attempt
from web.charts.gantt import Gantt, Interval, draw_gantt
from web.run_row import stage_marks
from web.wording import readable

__all__ = [
    "AttemptRow",
    "FailedAttempt",
    "attempt_rows",
    "begin_of",
    "failed_attempts",
    "interval",
    "stage_chart",
]

_STATES = {"success": "completed", "failed": "failed", "stopped": "stopped"}


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt in words.

    Attributes:
        began: seconds since the run began.
        waited: seconds since the attempt before it ended; None where it is the first.
        seconds: how long it took; None where that is not known.
        since: when it began, where it goes on.
    """

    stage: str
    attempt: int
    state: str
    began: float
    waited: float | None
    seconds: float | None
    since: datetime | None
    metrics: dict[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that failed, with all that is known of why."""

    stage: str
    attempt: int
    error_type: str
    message: str
    traceback: str | None
    output_tail: str | None
    position: int


def stage_chart(run: RunSummary, *, now: datetime, goes_on: bool, every: bool = False) -> Gantt:
    """Lay out a run's stages.

    Args:
        run: the run.
        now: what time it is, or was.
        goes_on: whether what is open grows.
        every: whether each stage has a row of its own, however many there are.
    """
    begin = begin_of(run)
    last = run.ended_at or run.last_event_at
    end = now.timestamp() if run.result is None else (last.timestamp() if last else begin)
    with_attempts = {attempt.stage for attempt in run.attempts}
    marks = {mark.name: mark.state for mark in stage_marks(run) if mark.name not in with_attempts}
    return draw_gantt(
        [interval(run, attempt) for attempt in run.attempts],
        begin=begin,
        end=max(begin, end),
        now=now.timestamp() if goes_on else None,
        without_attempts=marks,
        **({"most_rows": len(run.attempts) + len(marks) + 1} if every else {}),
    )


def attempt_rows(run: RunSummary, *, now: datetime, most: int) -> Sequence[AttemptRow]:
    """Say of the first attempts, in order, when each was and how it went."""
    ended: dict[str, float] = {}
    rows = []
    begin = begin_of(run)
    for attempt in run.attempts[:most]:
        one = interval(run, attempt)
        before = ended.get(one.stage)
        since = attempt.started_at if one.state == "running" else None
        seconds = None if one.end is None else one.end - one.begin
        if since is not None:
            seconds = max(0.0, now.timestamp() - one.begin)
        error = attempt.error
        rows.append(
            AttemptRow(
                one.stage,
                one.attempt,
                one.state,
                one.begin - begin,
                None if before is None else max(0.0, one.begin - before),
                seconds,
                since,
                attempt.metrics,
                readable(f"{error.type}: {error.message}", 300) if error else None,
            )
        )
        if one.end is not None:
            ended[one.stage] = one.end
    return rows


def failed_attempts(run: RunSummary, *, most: int = 20) -> Sequence[FailedAttempt]:
    """List the attempts that failed, the one that mattered first: the last that was not retried."""
    failed = [attempt for attempt in run.attempts if attempt.error is not None]
    failed.sort(key=lambda attempt: (not attempt.will_retry, attempt.position), reverse=True)
    return [
        FailedAttempt(
            one.stage,
            one.attempt,
            one.error.type,
            one.error.message,
            one.error.traceback,
            one.output_tail,
            one.position,
        )
        for one in failed[:most]
        if one.error is not None
    ]


def begin_of(run: RunSummary) -> float:
    """Tell when a run began, or its first attempt, whichever was first; in seconds since 1970."""
    moments = [run.started_at, *[attempt.started_at for attempt in run.attempts[:1]]]
    known = [moment for moment in moments if moment is not None]
    fallback = run.last_event_at
    if not known and fallback is not None:
        known = [fallback]
    return min([moment.timestamp() for moment in known], default=0.0)


def interval(run: RunSummary, attempt: Attempt) -> Interval:
    """Give an attempt of a run as it is drawn, in seconds since 1970."""
    began = attempt.started_at.timestamp()
    took, result = attempt.duration_seconds, attempt.result
    if took is not None:
        end: float | None = began + took
    elif attempt.ended_at is not None:
        end = max(began, attempt.ended_at.timestamp())
    else:
        end = None
    if result is not None:
        state = _STATES[result]
    else:
        state = "running" if run.result is None else "unfinished"
    return Interval(attempt.stage, attempt.attempt, began, end, state)
