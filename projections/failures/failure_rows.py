"""The projection of the failures: each failed attempt with its fingerprint.

Which attempts there are is told by the lifecycle, as it is for the run summary: an event that
breaks it is no failure here either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.line.shortening import shorten_text
from projections.failures.blanking import blanked
from projections.failures.fingerprint import fingerprint_of
from projections.projection import Row
from projections.read_model.queries import sql_file
from projections.runs.kept_attempts import AttemptState
from projections.runs.run_fold import evolve, initial
from projections.runs.run_rows import micros
from projections.runs.run_state import RunState

__all__ = ["FailureRows"]

_SAMPLE = 500


class FailureRows:
    """One row a failure in ``failures``, made of what the run summary is made of."""

    name = "failures"
    version = 3
    state_type = RunState
    tables = sql_file("failures/failures.sql")
    indexes = sql_file("failures/failures_indexes.sql")

    # The fold of the run summaries, which is done once for both.
    initial = staticmethod(initial)
    evolve = staticmethod(evolve)

    def rows(self, state: RunState) -> Sequence[Row]:
        """Give a row for each failure."""
        if state.result != "failed" and not state.failures:
            return ()
        attempts = {(tried.stage, tried.attempt): tried for tried in state.attempts.all()}
        last = dict(attempts.keys())
        rows = [
            _of_attempt(state, attempts[stage, number], position, retried=number < last[stage])
            for stage, number, position in state.failures
        ]
        stands = any(number == last[stage] for stage, number, _ in state.failures)
        if state.result == "failed" and state.end_position and not stands:
            rows.append(_of_run(state))
        return [("failures", row) for row in rows]


def _of_attempt(
    state: RunState, tried: AttemptState, position: int, *, retried: bool
) -> tuple[Any, ...]:
    error: Any = tried.error
    return (
        position,
        fingerprint_of(tried.stage, error.type, error.message, error.traceback),
        tried.stage,
        tried.attempt,
        int(retried),
        error.type,
        *_told(error.message),
        state.pipeline,
        state.code_version,
        micros(tried.ended_at or ""),
    )


def _of_run(state: RunState) -> tuple[Any, ...]:
    """Tell of a run that failed outside its stages, of which only the reason is known."""
    reason = state.failure_reason or ""
    return (
        state.end_position,
        fingerprint_of(None, "", reason),
        None,
        None,
        0,
        "",
        *_told(reason),
        state.pipeline,
        state.code_version,
        micros(state.ended_at or ""),
    )


def _told(text: str) -> tuple[str, str]:
    """Give what an error says without its values, and as it is, shortened."""
    return blanked(text), shorten_text(text, _SAMPLE)
