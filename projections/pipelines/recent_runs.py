"""The last runs of each pipeline, and what they come to: how the pipelines stand right now.

Everything is told from the last 30 runs of a pipeline in the order of the log, so that it costs the
same however many there were before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import msgspec

from projections.listing.run_history import RunHistory
from projections.listing.runs_page import judged
from projections.pipelines.pipeline_counts import PipelineCounts, counts_by_pipeline
from projections.read_model.queries import query
from projections.runs.run_rows import NO_START
from projections.runs.run_summary import RunSummary
from projections.statistics.baselines import median_of

__all__ = [
    "LAST_RUNS",
    "PipelineNow",
    "RecentRun",
    "RecentRuns",
    "pipeline_now",
    "recent_run",
    "recent_runs",
    "runs_going_on",
]

LAST_RUNS = 30
"""How many runs of a pipeline are looked at."""

_ENOUGH = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecentRun(msgspec.Struct, frozen=True, gc=False):
    """One run.

    Attributes:
        result: success, failed or stopped; None while it goes on.
        started_at: None where that is not known.
        seconds: how long it took; None where that is not known.
        given_up: whether its writer was found to be gone: it ended, and nobody saw how.
    """

    run_id: str
    result: str | None
    started_at: datetime | None
    seconds: float | None
    given_up: bool


class RecentRuns(msgspec.Struct, frozen=True):
    """The last runs of a pipeline in the order of the log, and what they come to."""

    runs: tuple[RecentRun, ...]

    @property
    def success_rate(self) -> float | None:
        """What share of those that ended succeeded; None where none did end."""
        ended = [run.result == "success" for run in self.runs if run.result is not None]
        return sum(ended) / len(ended) if ended else None

    @property
    def usual_seconds(self) -> float | None:
        """The median of how long the successes took; None where there are none."""
        took = self._seconds()
        return median_of(sorted(took)) if took else None

    @property
    def trend(self) -> float | None:
        """How many times as long the later half of the successes took as the earlier one.

        None where a half has fewer than 5, or took no time.
        """
        took = self._seconds()
        half = len(took) // 2
        if half < _ENOUGH:
            return None
        earlier, later = (median_of(sorted(part)) for part in (took[:half], took[-half:]))
        return later / earlier if earlier > 0 else None

    @property
    def failing(self) -> Sequence[RecentRun]:
        """The runs that failed since the last one that did not, the latest first."""
        ended = (run for run in reversed(self.runs) if run.result is not None)
        return list(takewhile(lambda run: run.result == "failed", ended))

    def _seconds(self) -> Sequence[float]:
        return [
            run.seconds for run in self.runs if run.result == "success" and run.seconds is not None
        ]


class PipelineNow(msgspec.Struct, frozen=True):
    """How a pipeline stands.

    Attributes:
        counts: of all its runs.
        recent: the last of them.
        reason: why the last run failed, where it did.
    """

    counts: PipelineCounts
    recent: RecentRuns
    reason: str | None


def recent_runs(history: RunHistory) -> Sequence[PipelineNow]:
    """Tell how each pipeline stands, in the order of their names; last the runs without one."""

    def answer(connection: sqlite3.Connection, _position: int) -> Sequence[PipelineNow]:
        return [_now(connection, counts) for counts in counts_by_pipeline(connection)]

    return history.ask(answer)


def pipeline_now(history: RunHistory, pipeline: str) -> PipelineNow | None:
    """Tell how one pipeline stands; None where there are no runs of it."""

    def answer(connection: sqlite3.Connection, _position: int) -> PipelineNow | None:
        counted = counts_by_pipeline(connection, pipeline)
        return _now(connection, counted[0]) if counted else None

    return history.ask(answer)


def runs_going_on(history: RunHistory, now: datetime, *, limit: int) -> Sequence[RunSummary]:
    """List the runs that have no end yet with their attempts and liveness, newest first.

    Args:
        history: of the ledger.
        now: an aware time, by which the liveness is judged.
        limit: how many at most.
    """

    def answer(connection: sqlite3.Connection, _position: int) -> Sequence[RunSummary]:
        rows = connection.execute(query("last_going_on"), (limit,)).fetchall()
        folder = history.reader.folder
        return [RunSummary.from_stored(judged(item, folder, now), rest) for item, rest in rows]

    return history.ask(answer)


def _now(connection: sqlite3.Connection, counts: PipelineCounts) -> PipelineNow:
    rows = connection.execute(query("last_runs_of"), (counts.pipeline, LAST_RUNS)).fetchall()
    recent = RecentRuns(tuple(recent_run(*row) for row in rows))
    failing = recent.failing
    reason = None
    if failing:
        (reason,) = connection.execute(query("failure_reason"), (failing[0].run_id,)).fetchone()
    return PipelineNow(counts, recent, reason)


def recent_run(run_id: str, result: str | None, started: int, seconds: float | None) -> RecentRun:
    """Make a run of the columns that the read model keeps of it."""
    at = None if started == NO_START else _EPOCH + timedelta(microseconds=started)
    # An end that is only presumed has no duration.
    return RecentRun(run_id, result, at, seconds, result == "failed" and seconds is None)
