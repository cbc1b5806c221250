"""The projection of the statistics: tallies of what ended, by pipeline, stage and slot of time.

Only what really ended is counted, when it ended: a run by its own end, an attempt by its own. An
end that is only presumed counts nothing. Slots are a quarter of an hour long in UTC, so that the
days and hours of every time zone are made of whole ones; longer slots hold the sums of theirs.

Which attempts there are is told by the lifecycle, as it is for the run summary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from projections.engine.tallies import Number, Tally
from projections.projection import Row
from projections.read_model.queries import sql_file
from projections.runs.run_fold import evolve, initial
from projections.runs.run_rows import micros
from projections.runs.run_state import RunState
from projections.statistics.histogram import bucket_of

__all__ = ["WIDTHS", "StatisticsRows"]


QUARTER, HOUR, QUARTER_DAY, DAY = 900, 3600, 21_600, 86_400
WIDTHS = (QUARTER, HOUR, QUARTER_DAY, DAY)
"""How long slots are, in seconds; each is a multiple of the one before."""

_MOST_RETRIES = 1_000_000
"""As many as a run that is recorded here can have: an import may say any number."""


class StatisticsRows:
    """Tallies in ``statistics``, made of what the run summary is made of; no row a run."""

    name = "statistics"
    version = 1
    state_type = RunState
    tables = sql_file("statistics/statistics.sql")
    indexes = ""
    widths: Mapping[str, Sequence[int]] = {"statistics": WIDTHS}

    # The fold of the run summaries, which is done once for all that is made of it.
    initial = staticmethod(initial)
    evolve = staticmethod(evolve)

    def rows(self, state: RunState) -> Iterable[Row]:  # noqa: ARG002 - what the protocol gives
        """Give no row: there is nothing to be kept of a single run."""
        return ()

    def tallies(self, state: RunState) -> Iterable[Tally]:
        """Give what the run and its attempts add to the slots in which they ended."""
        found: list[Tally] = []
        attempts = state.attempts.all()
        pipeline = state.pipeline or ""
        last = {tried.stage: tried for tried in attempts if tried.result is not None}
        failed = {stage for stage, _, _ in state.failures} if state.failures else ()
        retries = flaky = 0
        for tried in attempts:
            stage, result, ended_at = tried.stage, tried.result, tried.ended_at
            again = tried.attempt > 1
            retries += again
            if result is None or ended_at is None:
                continue
            counts = _duration(tried.duration_seconds or 0.0)
            if again:
                counts["retries"] = 1
            if last[stage] is tried:
                counts[result] = 1
                if result == "success" and stage in failed:
                    counts["flaky"] = flaky = 1
            found.append(("statistics", (QUARTER, _slot(ended_at[:16]), pipeline, stage), counts))
        if state.result is not None and state.ended_at is not None and _has_ended(state):
            key = (QUARTER, _slot(state.ended_at[:16]), pipeline, "")
            found.append(("statistics", key, _of_end(state, state.result, retries, flaky)))
        return found


def _has_ended(state: RunState) -> bool:
    """Tell an end of its own, or one that was taken over, from one that is presumed."""
    return state.end_position > 0 or state.imported_stages is not None


def _of_end(state: RunState, result: str, retries: int, flaky: int) -> dict[str, Number]:
    seconds = state.duration_seconds
    counts = {} if seconds is None else _duration(seconds)
    counts[result] = 1
    if state.imported_stages is not None:
        retries = min(state.imported_stages[2], _MOST_RETRIES)
    if retries:
        counts["retries"] = retries
    if flaky:
        counts["flaky"] = flaky
    return counts


def _duration(seconds: float) -> dict[str, Number]:
    """Count a duration in its bucket."""
    return {str(bucket_of(seconds)): 1, "max_seconds": seconds}


# Runs that follow each other share their minutes.
@lru_cache(maxsize=4096)
def _slot(minute: str) -> int:
    """Give the slot of a time of the log, of which the text up to the minute is enough."""
    seconds = micros(f"{minute}:00.000000Z") // 1_000_000
    return seconds - seconds % QUARTER
