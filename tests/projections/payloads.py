"""Short names for the payloads that a run is told with."""

from __future__ import annotations

from typing import Any

from ledger.events import (
    ErrorInfo,
    ImportedRun,
    Result,
    RunAbandoned,
    RunAnnotated,
    RunEnded,
    RunImported,
    RunStarted,
    StageCompleted,
    StageFailed,
    StageSkipped,
    StageStarted,
    StageStopped,
    WriterIdentity,
)
from tests.projections.recorded import at

__all__ = [
    "ERROR",
    "WRITER",
    "abandoned",
    "annotated",
    "began",
    "done",
    "ended",
    "failed",
    "imported",
    "skipped",
    "started",
    "stopped",
]

WRITER = WriterIdentity(host="worker-1", machine_id="elsewhere", boot_id="a boot", pid=4711)
ERROR = ErrorInfo(type="ValueError", message="no rows", traceback="Traceback …")


def started(*stages: str, pipeline: str = "nightly", **metadata: Any) -> RunStarted:
    """Start a run with the stages it plans."""
    return RunStarted(pipeline=pipeline, stages=stages, metadata=metadata, writer=WRITER)


def began(stage: str, attempt: int = 1) -> StageStarted:
    """Begin an attempt."""
    return StageStarted(stage=stage, attempt=attempt)


def done(stage: str, attempt: int = 1, **metrics: Any) -> StageCompleted:
    """End an attempt well."""
    return StageCompleted(stage=stage, attempt=attempt, metrics=metrics, elapsed_seconds=0.5)


def failed(stage: str, attempt: int = 1, *, retry: bool = False) -> StageFailed:
    """End an attempt by an exception."""
    return StageFailed(
        stage=stage, attempt=attempt, error=ERROR, will_retry=retry, elapsed_seconds=0.25
    )


def stopped(stage: str, attempt: int = 1) -> StageStopped:
    """End an attempt from outside."""
    return StageStopped(stage=stage, attempt=attempt, elapsed_seconds=0.125)


def skipped(stage: str) -> StageSkipped:
    """Leave a stage out."""
    return StageSkipped(stage=stage, reason="nothing new")


def ended(result: Result = "success", reason: str | None = None) -> RunEnded:
    """End a run."""
    return RunEnded(result=result, failure_reason=reason, elapsed_seconds=7.5)


def abandoned(last_sequence: int) -> RunAbandoned:
    """Presume that the writer is gone."""
    return RunAbandoned(
        detected_by="worker-2", host="worker-1", pid=4711, last_sequence=last_sequence
    )


def annotated(note: str | None = None, **metadata: Any) -> RunAnnotated:
    """Remark on a run."""
    return RunAnnotated(metadata=metadata, note=note, actor="anna")


def imported(result: Result | None = "failed") -> RunImported:
    """Take over a run that another system recorded."""
    summary = ImportedRun(
        run_id="old-17",
        started_at=at(-100),
        ended_at=None if result is None else at(-40),
        result=result,
        failure_reason="Stage load failed" if result == "failed" else None,
        stages_executed=("load", "merge"),
        stages_failed=("load",),
        retry_count=2,
        metadata={"day": "2025-12-31"},
    )
    return RunImported(summary=summary, source="old/runs.jsonl:17")
