"""The projection of the failures: each failed attempt with its fingerprint.

Which attempts there are is told by the lifecycle, as it is for the run summary: an event that
breaks it is no failure here either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ledger.events import RunEnded, StageFailed, UnreadData
from ledger.lifecycle import NOT_BEGUN, Lifecycle, advance
from ledger.replayed import ReplayedEvent
from ledger.shortening import shorten_text
from projections.blanking import blanked
from projections.fingerprint import fingerprint_of
from projections.projection import Row
from projections.queries import sql_file
from projections.run_rows import micros

__all__ = ["FailedAttempt", "FailureRows", "FailureState"]

_SAMPLE = 500
_STARTS = frozenset({"run_started", "run_imported"})
_TRIES = frozenset({"stage_started", "stage_completed", "stage_failed", "stage_stopped"})
_FOLLOWED = frozenset({*_STARTS, *_TRIES, "run_ended"})


class FailedAttempt(msgspec.Struct, frozen=True, gc=False):
    """A failure, as a row of ``failures`` says it; ``failed_at`` is a time of the log."""

    position: int
    fingerprint: str
    stage: str | None
    attempt: int | None
    error_type: str
    blanked: str
    sample: str
    failed_at: str
    retried: bool = False


class FailureState(msgspec.Struct, frozen=True, gc=False):
    """One run after some of its events."""

    position: int = 0
    lifecycle: Lifecycle = NOT_BEGUN
    pipeline: str | None = None
    code_version: str | None = None
    failures: tuple[FailedAttempt, ...] = ()


class FailureRows:
    """One row a failure in ``failures``."""

    name = "failures"
    version = 1
    state_type = FailureState
    tables = sql_file("failures.sql")
    indexes = sql_file("failures_indexes.sql")

    def initial(self, run_id: str) -> FailureState:  # noqa: ARG002 - what the protocol gives
        """Begin with no failure."""
        return FailureState()

    def evolve(self, state: FailureState, event: ReplayedEvent) -> FailureState:
        """Take a failure in, or note that its stage was tried again."""
        kind, data = event.type, event.data
        if kind not in _FOLLOWED or event.position <= state.position or type(data) is UnreadData:
            return state
        stage, attempt = (data.stage, data.attempt) if kind in _TRIES else (None, None)
        lifecycle = advance(state.lifecycle, kind, stage, attempt)
        if type(lifecycle) is not Lifecycle:
            return state
        pipeline, version, failures = state.pipeline, state.code_version, state.failures
        if kind == "run_started":
            pipeline, version = data.pipeline, data.code_version
        elif kind == "stage_failed":
            failures = (*failures, _of_stage(event, data))
        elif failures and kind == "stage_started":
            failures = _tried_again(failures, data.stage)
        if kind == "run_ended" and data.result == "failed" and not _standing(failures):
            failures = (*failures, _of_run(event, data))
        return FailureState(event.position, lifecycle, pipeline, version, failures)

    def rows(self, state: FailureState) -> Sequence[Row]:
        """Give a row for each failure."""
        return [("failures", _row(state, failure)) for failure in state.failures]


def _of_stage(event: ReplayedEvent, data: StageFailed) -> FailedAttempt:
    error = data.error
    return FailedAttempt(
        event.position,
        fingerprint_of(data.stage, error.type, error.message, error.traceback),
        data.stage,
        data.attempt,
        error.type,
        blanked(error.message),
        shorten_text(error.message, _SAMPLE),
        event.occurred_text,
    )


def _of_run(event: ReplayedEvent, data: RunEnded) -> FailedAttempt:
    """Tell of a run that failed outside its stages, of which only the reason is known."""
    reason = data.failure_reason or ""
    return FailedAttempt(
        event.position,
        fingerprint_of(None, "", reason),
        None,
        None,
        "",
        blanked(reason),
        shorten_text(reason, _SAMPLE),
        event.occurred_text,
    )


def _tried_again(failures: tuple[FailedAttempt, ...], stage: str) -> tuple[FailedAttempt, ...]:
    return tuple(
        [
            replace(failure, retried=True) if failure.stage == stage else failure
            for failure in failures
        ]
    )


def _standing(failures: Sequence[FailedAttempt]) -> bool:
    return not all(failure.retried for failure in failures)


def _row(state: FailureState, failure: FailedAttempt) -> tuple[Any, ...]:
    return (
        failure.position,
        failure.fingerprint,
        failure.stage,
        failure.attempt,
        int(failure.retried),
        failure.error_type,
        failure.blanked,
        failure.sample,
        state.pipeline,
        state.code_version,
        micros(failure.failed_at),
    )
