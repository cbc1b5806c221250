"""Small events to write tests with: each names only what a test is about."""

from __future__ import annotations

from typing import Any

from ledger.events import (
    ErrorInfo,
    FailureAcknowledged,
    NewEvent,
    Result,
    RunAbandoned,
    RunAnnotated,
    RunEnded,
    RunStarted,
    StageCompleted,
    StageFailed,
    StageSkipped,
    StageStarted,
    StageStopped,
    WriterIdentity,
)

__all__ = [
    "FIRST_BOOT",
    "acknowledgement",
    "event_id",
    "one_run",
    "payload",
    "run_abandoned",
    "run_annotated",
    "run_ended",
    "run_started",
    "stage_completed",
    "stage_failed",
    "stage_started",
]

FIRST_BOOT = "11111111-2222-3333-4444-555555555555"
"""The id of a boot long ago, for durable marks that a test puts back."""

_WRITER = WriterIdentity(host="worker-1", machine_id="machine", boot_id=FIRST_BOOT, pid=4711)


def event_id(number: int) -> str:
    """Give the event_id that stands for a number."""
    return f"00000000-0000-4000-8000-{number:012x}"


def run_started(run_id: str, pipeline: str = "nightly") -> NewEvent:
    """Start a run."""
    return NewEvent(RunStarted(pipeline=pipeline, writer=_WRITER), run_id)


def stage_started(run_id: str, stage: str = "load", attempt: int = 1) -> NewEvent:
    """Begin an attempt."""
    return NewEvent(StageStarted(stage=stage, attempt=attempt), run_id)


def stage_completed(run_id: str, stage: str = "load", attempt: int = 1) -> NewEvent:
    """End an attempt well."""
    return NewEvent(StageCompleted(stage=stage, attempt=attempt, elapsed_seconds=1.5), run_id)


def stage_failed(run_id: str, stage: str = "load", attempt: int = 1) -> NewEvent:
    """End an attempt by an exception."""
    data = StageFailed(
        stage=stage,
        attempt=attempt,
        error=ErrorInfo(type="ValueError", message="no rows"),
        elapsed_seconds=0.5,
    )
    return NewEvent(data, run_id)


def run_ended(run_id: str, result: Result = "success") -> NewEvent:
    """End a run."""
    return NewEvent(RunEnded(result=result, elapsed_seconds=2.0), run_id)


def run_abandoned(run_id: str) -> NewEvent:
    """Presume that the writer of a run is gone."""
    data = RunAbandoned(detected_by="worker-2", host="worker-1", pid=4711, last_sequence=1)
    return NewEvent(data, run_id)


def run_annotated(run_id: str, note: str = "looked at") -> NewEvent:
    """Remark on a run."""
    return NewEvent(RunAnnotated(note=note, actor="anna"), run_id)


def acknowledgement(note: str = "known") -> NewEvent:
    """Say something that belongs to no run, and is legal at any time."""
    return NewEvent(FailureAcknowledged(fingerprint="f00d", note=note, actor="anna"))


def one_run(run_id: str) -> list[NewEvent]:
    """Give a whole run of one stage, four events."""
    return [
        run_started(run_id),
        stage_started(run_id),
        stage_completed(run_id),
        run_ended(run_id),
    ]


def payload(event_type: str, stage: str = "load", attempt: int = 1) -> Any:
    """Give a payload of a type that belongs to a run, for tables of what may follow what."""
    several: dict[str, Any] = {
        event.data.type: event.data
        for event in (
            run_started("r"),
            stage_started("r", stage, attempt),
            stage_completed("r", stage, attempt),
            stage_failed("r", stage, attempt),
            run_ended("r"),
            run_abandoned("r"),
            run_annotated("r"),
        )
    }
    several["stage_stopped"] = StageStopped(stage=stage, attempt=attempt, elapsed_seconds=0.1)
    several["stage_skipped"] = StageSkipped(stage=stage, reason="nothing new")
    return several[event_type]
