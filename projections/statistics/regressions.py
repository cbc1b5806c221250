"""Which runs and stages were slower than usual; ``baselines.py`` has the rule.

It hangs on other runs, so it is not kept but worked out when it is asked for: of one run from the
20 successes before it, of many in the order in which they began.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from ledger.errors import InvalidEvent
from ledger.plain_values import utc_text
from projections.listing.period import check_period
from projections.listing.run_filter import check_moment
from projections.listing.run_history import RunHistory
from projections.read_model.queries import query
from projections.runs.run_rows import NO_START, micros
from projections.runs.run_summary import UtcText
from projections.statistics.baselines import (
    FACTOR,
    LAST,
    FinishedRun,
    Usual,
    baseline,
    baseline_of,
    finished_run,
    is_regression,
    is_slower,
    ratio,
)
from projections.statistics.statistics_rows import DAY

__all__ = [
    "RegressionsPage",
    "RunSpeed",
    "Speed",
    "list_regressions",
    "open_regressions",
    "speed_of",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOR_EVER = 2**63 - 1
_BEFORE_ALL = -1


class _Served(BaseModel):
    model_config = ConfigDict(frozen=True)


class Speed(_Served):
    """How long a run or a stage took, against what was usual then.

    Attributes:
        stage: the stage; null for the run itself.
        seconds: how long it took; null where that is not known.
        usual: its baseline; null where no success came before.
        ratio: how many times as long as the median it took.
        regression: whether it is a regression.
    """

    stage: str | None
    seconds: float | None
    usual: Usual | None
    ratio: float | None
    regression: bool


class RunSpeed(_Served):
    """How fast a run and the stages that passed in it were."""

    run_id: str
    pipeline: str | None
    started_at: UtcText | None
    run: Speed
    stages: tuple[Speed, ...]

    @property
    def is_regression(self) -> bool:
        """Whether the run or one of its stages is one."""
        return self.run.regression or any(stage.regression for stage in self.stages)


class RegressionsPage(_Served):
    """Runs that are regressions, or have stages that are, the newest first.

    ``total`` counts all that match, ``position`` is the one they reflect.
    """

    runs: tuple[RunSpeed, ...]
    total: int
    position: int


def speed_of(history: RunHistory, run_id: str) -> RunSpeed | None:
    """Give how fast a run was; None for an unknown one, or one that goes on."""

    def answer(connection: sqlite3.Connection, _: int) -> RunSpeed | None:
        row = connection.execute(query("find_run"), (run_id,)).fetchone()
        return None if row is None else _run_speed(connection, row[0])

    return history.ask(answer)


def list_regressions(
    history: RunHistory,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    pipeline: str | None = None,
    limit: int = 100,
) -> RegressionsPage:
    """List the successful runs that were slower than usual, or a stage of which was.

    Args:
        history: of the ledger.
        since: only runs that began then or later.
        until: only runs that began before.
        pipeline: only runs of this one.
        limit: how many at most.

    Raises:
        InvalidEvent: the limit is not from 1 up, or a time has no zone.
        PeriodReversed: the time ends before it begins.
    """
    if limit < 1:
        raise InvalidEvent("limit", f"{limit} is not a whole number from 1 up")
    begin = NO_START if since is None else _micros("since", since)
    end = _FOR_EVER if until is None else _micros("until", until)
    check_period(("since", since), ("until", until))

    def answer(connection: sqlite3.Connection, position: int) -> RegressionsPage:
        found = [
            place
            for name in _pipelines(connection, pipeline)
            for place in _slow(connection, name, begin, end)
        ]
        found.sort(reverse=True)
        shown = [_run_speed(connection, run) for _, run in found[:limit]]
        runs = tuple(speed for speed in shown if speed is not None)
        return RegressionsPage(runs=runs, total=len(found), position=position)

    return history.ask(answer)


def open_regressions(history: RunHistory, *, pipeline: str | None = None) -> RegressionsPage:
    """List the open regressions: of each pipeline its newest success, where that is one."""

    def answer(connection: sqlite3.Connection, position: int) -> RegressionsPage:
        newest = [
            row
            for name in _pipelines(connection, pipeline)
            for row in connection.execute(query("newest_success"), (name,)).fetchall()
        ]
        speeds = [_run_speed(connection, run) for (run,) in newest]
        runs = tuple(speed for speed in speeds if speed is not None and speed.is_regression)
        return RegressionsPage(runs=runs, total=len(runs), position=position)

    return history.ask(answer)


def _micros(field: str, moment: datetime) -> int:
    check_moment(field, moment)
    return micros(utc_text(moment))


def _pipelines(connection: sqlite3.Connection, pipeline: str | None) -> Sequence[str]:
    values = {"width": DAY, "pipeline": pipeline}
    return [name for (name,) in connection.execute(query("statistics_pipelines"), values) if name]


def _run_speed(connection: sqlite3.Connection, run: int) -> RunSpeed | None:
    """Compare a run that has ended with its baseline."""
    row = connection.execute(query("run_in_detail"), (run,)).fetchone()
    run_id, pipeline, started, _, result, seconds, attempts = row
    if result is None:
        return None
    took = finished_run(seconds, attempts)
    before = baseline_of(connection, run_id) or baseline(())
    whole = _speed(None, took.seconds, before.run)
    if result != "success":
        whole = whole.model_copy(update={"regression": False})
    return RunSpeed(
        run_id=run_id,
        pipeline=pipeline,
        started_at=None if started == NO_START else _EPOCH + timedelta(microseconds=started),
        run=whole,
        stages=tuple(
            _speed(stage, seconds, before.stages.get(stage))
            for stage, seconds in took.stages.items()
        ),
    )


def _speed(stage: str | None, seconds: float | None, before: Usual | None) -> Speed:
    if seconds is None or before is None:
        return Speed(stage=stage, seconds=seconds, usual=before, ratio=None, regression=False)
    return Speed(
        stage=stage,
        seconds=seconds,
        usual=before,
        ratio=ratio(seconds, before),
        regression=is_regression(seconds, before),
    )


def _slow(
    connection: sqlite3.Connection, pipeline: str, begin: int, end: int
) -> Iterator[tuple[int, int]]:
    """Yield when they began and the keys of the runs of a pipeline that are regressions."""
    window = _Window()
    values = {"pipeline": pipeline, "since": begin, "until": end}
    first = {"pipeline": pipeline, "started": begin, "run": _BEFORE_ALL, "limit": LAST}
    before = connection.execute(query("successes_before"), first).fetchall()
    for _, seconds, attempts in reversed(before):
        window.take(finished_run(seconds, attempts))
    for run, started, seconds, attempts in connection.execute(query("successes_since"), values):
        if window.take(finished_run(seconds, attempts)):
            yield started, run


class _Window:
    """The last successes, and their durations in order: so that most runs are passed quickly."""

    def __init__(self) -> None:
        self._runs: deque[list[tuple[str | None, float]]] = deque()
        self._sorted: dict[str | None, list[float]] = {}

    def take(self, run: FinishedRun) -> bool:
        """Take the next success in, and tell whether it, or a stage of it, is a regression."""
        took: list[tuple[str | None, float]] = [*run.stages.items()]
        if run.seconds is not None:
            took.append((None, run.seconds))
        is_slow = False
        for name, seconds in took:
            before = self._sorted.setdefault(name, [])
            # The lower one of two in the middle: the median is not below it.
            if before and not is_slow and seconds >= FACTOR * before[(len(before) - 1) // 2]:
                is_slow = is_slower(seconds, before)
            insort(before, seconds)
        self._runs.append(took)
        if len(self._runs) > LAST:
            self._let_go(self._runs.popleft())
        return is_slow

    def _let_go(self, took: Sequence[tuple[str | None, float]]) -> None:
        for name, seconds in took:
            durations = self._sorted[name]
            del durations[bisect_left(durations, seconds)]
