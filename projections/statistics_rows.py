"""The projection of the statistics: tallies of what ended, by pipeline, stage and slot of time.

Only what really ended is counted, when it ended: a run by its own end, an attempt by its own. An
end that is only presumed counts nothing. Slots are a quarter of an hour long in UTC, so that the
days and hours of every time zone are made of whole ones; longer slots hold the sums of theirs.

Which attempts there are is told by the lifecycle, as it is for the run summary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from ledger.events import RunImported, UnreadData
from ledger.lifecycle import NOT_BEGUN, Lifecycle, advance
from ledger.plain_values import utc_text
from ledger.replayed import ReplayedEvent
from projections.histogram import bucket_of
from projections.projection import Row
from projections.queries import sql_file
from projections.run_rows import micros
from projections.tallies import Number, Tally

__all__ = ["WIDTHS", "EndedAttempt", "StatisticsRows", "StatisticsState"]

QUARTER, HOUR, QUARTER_DAY, DAY = 900, 3600, 21_600, 86_400
WIDTHS = (QUARTER, HOUR, QUARTER_DAY, DAY)
"""How long slots are, in seconds; each is a multiple of the one before."""

_MOST_RETRIES = 1_000_000
"""As many as a run that is recorded here can have: an import may say any number."""

_ENDS: Mapping[str, str] = {
    "stage_completed": "success",
    "stage_failed": "failed",
    "stage_stopped": "stopped",
}
_TRIES = frozenset({"stage_started", *_ENDS})
_FOLLOWED = frozenset(
    {*_TRIES, "stage_skipped", "run_started", "run_imported", "run_abandoned", "run_ended"}
)


class EndedAttempt(msgspec.Struct, frozen=True, gc=False):
    """An attempt that ended; ``ended_at`` is a time of the log."""

    stage: str
    attempt: int
    result: str
    ended_at: str
    seconds: float


class EndedRun(msgspec.Struct, frozen=True, gc=False):
    """How a run ended."""

    result: str
    ended_at: str
    seconds: float | None


class StatisticsState(msgspec.Struct, frozen=True, gc=False):
    """One run after some of its events; ``retries`` are attempts that began, but the first ones."""

    position: int = 0
    lifecycle: Lifecycle = NOT_BEGUN
    pipeline: str = ""
    attempts: tuple[EndedAttempt, ...] = ()
    retries: int = 0
    end: EndedRun | None = None


class StatisticsRows:
    """Tallies in ``statistics``; no row a run."""

    name = "statistics"
    version = 1
    state_type = StatisticsState
    tables = sql_file("statistics.sql")
    indexes = ""
    widths: Mapping[str, Sequence[int]] = {"statistics": WIDTHS}

    def initial(self, run_id: str) -> StatisticsState:  # noqa: ARG002 - what the protocol gives
        """Begin with nothing that ended."""
        return StatisticsState()

    def evolve(self, state: StatisticsState, event: ReplayedEvent) -> StatisticsState:
        """Take in an end, and what tells whether the next one counts."""
        kind, data = event.type, event.data
        if kind not in _FOLLOWED or event.position <= state.position or type(data) is UnreadData:
            return state
        stage = attempt = None
        if kind in _TRIES:
            stage, attempt = data.stage, data.attempt
        elif kind == "stage_skipped":
            stage = data.stage
        lifecycle = advance(state.lifecycle, kind, stage, attempt)
        if type(lifecycle) is not Lifecycle:
            return state
        pipeline, attempts, retries, end = state.pipeline, state.attempts, state.retries, state.end
        if kind in _ENDS:
            ended = EndedAttempt(
                data.stage, data.attempt, _ENDS[kind], event.occurred_text, data.elapsed_seconds
            )
            attempts = (*attempts, ended)
        elif kind == "stage_started":
            retries += data.attempt > 1
        elif kind == "run_started":
            pipeline = data.pipeline
        elif kind == "run_ended":
            end = EndedRun(data.result, event.occurred_text, data.elapsed_seconds)
        elif kind == "run_imported":
            retries, end = min(data.summary.retry_count, _MOST_RETRIES), _imported(data)
        return StatisticsState(event.position, lifecycle, pipeline, attempts, retries, end)

    def rows(self, state: StatisticsState) -> Iterable[Row]:  # noqa: ARG002 - likewise
        """Give no row: there is nothing to be kept of a single run."""
        return ()

    def tallies(self, state: StatisticsState) -> Iterable[Tally]:
        """Give what the run and its attempts add to the slots in which they ended."""
        found: list[Tally] = []
        last = {attempt.stage: attempt for attempt in state.attempts}
        flaky_run = False
        for attempt in state.attempts:
            counts = _duration(attempt.seconds)
            if attempt.attempt > 1:
                counts["retries"] = 1
            if last[attempt.stage] is attempt:
                counts[attempt.result] = 1
                if attempt.attempt > 1 and _is_flaky(attempt, state.attempts):
                    counts["flaky"] = 1
                    flaky_run = True
            key = (QUARTER, _slot(attempt.ended_at[:16]), state.pipeline, attempt.stage)
            found.append(("statistics", key, counts))
        end = state.end
        if end is not None:
            counts = {} if end.seconds is None else _duration(end.seconds)
            counts[end.result] = 1
            if state.retries:
                counts["retries"] = state.retries
            if flaky_run:
                counts["flaky"] = 1
            key = (QUARTER, _slot(end.ended_at[:16]), state.pipeline, "")
            found.append(("statistics", key, counts))
        return found


def _duration(seconds: float) -> dict[str, Number]:
    """Count a duration in its bucket."""
    return {str(bucket_of(seconds)): 1, "max_seconds": seconds}


# Runs that follow each other share their minutes.
@lru_cache(maxsize=4096)
def _slot(minute: str) -> int:
    """Give the slot of a time of the log, of which the text up to the minute is enough."""
    seconds = micros(f"{minute}:00.000000Z") // 1_000_000
    return seconds - seconds % QUARTER


def _is_flaky(last: EndedAttempt, attempts: Sequence[EndedAttempt]) -> bool:
    """Tell whether a stage failed first and passed in the end."""
    return last.result == "success" and any(
        attempt.stage == last.stage and attempt.result == "failed" for attempt in attempts
    )


def _imported(data: RunImported) -> EndedRun | None:
    """Take over the end that another system recorded, if it did."""
    summary = data.summary
    if summary.ended_at is None or summary.result is None:
        return None
    seconds = (summary.ended_at - summary.started_at).total_seconds()
    ended_at = utc_text(summary.ended_at)
    return EndedRun(summary.result, ended_at, seconds if seconds >= 0 else None)
