"""The run summary: what is served of one run. How events come to it stands in ``run_fold.py``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, TypeAdapter

from ledger.events import ErrorInfo, Result, WriterIdentity
from ledger.plain_values import utc_text
from projections.runs.stored_attempts import AsTuple, ReadWhenNeeded

__all__ = [
    "FIRST_NINE",
    "Anomaly",
    "Attempt",
    "AttemptResult",
    "Liveness",
    "Note",
    "RunSummary",
    "SkippedStage",
]

UtcText = Annotated[datetime, PlainSerializer(utc_text, return_type=str, when_used="json")]
Liveness = Literal["live", "late", "presumed dead"]
AttemptResult = Literal["success", "failed", "stopped"]

FIRST_NINE = (
    "run_id",
    "started_at",
    "ended_at",
    "result",
    "failure_reason",
    "stages_executed",
    "stages_failed",
    "retry_count",
    "metadata",
)
"""The first nine fields of a summary, and all of a line of ``runs.jsonl``, in this order."""


_NO_ATTEMPTS = ',"attempts":[]}'


class _Served(BaseModel):
    model_config = ConfigDict(frozen=True)


class Attempt(_Served):
    """One try of a stage; never overwritten. ``result`` is null while it is open."""

    stage: str
    attempt: int
    started_at: UtcText
    ended_at: UtcText | None = None
    duration_seconds: float | None = None
    result: AttemptResult | None = None
    will_retry: bool = False
    error: ErrorInfo | None = None
    metrics: dict[str, Any] = {}
    output_tail: str | None = None
    position: int


_read_attempts = TypeAdapter(tuple[Attempt, ...]).validate_json


class SkippedStage(_Served):
    """A planned stage that was not tried, and why."""

    stage: str
    reason: str


class Note(_Served):
    """A remark that somebody added to the run."""

    note: str
    actor: str
    at: UtcText
    position: int


class Anomaly(_Served):
    """An event that history should not hold: the rule it breaks and where it lies."""

    rule: str
    position: int
    reason: str


class RunSummary(_Served):
    """What is known of one run. The first nine fields are ``FIRST_NINE``.

    A list item is this without ``attempts``, which therefore comes last.
    """

    run_id: str
    started_at: UtcText | None
    ended_at: UtcText | None
    result: Result | None
    failure_reason: str | None
    stages_executed: tuple[str, ...]
    stages_failed: tuple[str, ...]
    retry_count: int
    metadata: dict[str, Any]
    pipeline: str | None
    duration_seconds: float | None
    stages_planned: tuple[str, ...]
    stages_skipped: tuple[SkippedStage, ...]
    parameters: dict[str, Any]
    trigger: str | None
    rerun_of: str | None
    code_version: str | None
    imported_from: str | None
    writer: WriterIdentity | None
    notes: tuple[Note, ...]
    anomalies: tuple[Anomaly, ...]
    started_position: int
    last_position: int
    last_sequence: int
    last_event_at: UtcText | None
    liveness: Liveness | None
    attempts: Annotated[Sequence[Attempt], AsTuple(Attempt)]

    @classmethod
    def from_stored(cls, item: str, attempts: str) -> RunSummary:
        """Read a list item, and its attempts when one is looked at."""
        return cls.all_from_stored([item], [attempts])[0]

    @staticmethod
    def all_from_stored(items: Sequence[str], attempts: Sequence[str]) -> list[RunSummary]:
        """Read the items of a list likewise, in one go."""
        runs = _read_runs(f"[{','.join([item[:-1] + _NO_ATTEMPTS for item in items])}]")
        for run, stored in zip(runs, attempts, strict=True):
            # Past the model, which would have to read them to check them.
            run.__dict__["attempts"] = ReadWhenNeeded(stored, _read_attempts)
        return runs

    def list_item(self) -> dict[str, Any]:
        """Give the JSON object of a list: the detail without its attempts."""
        return self.model_dump(mode="json", exclude={"attempts"})


_read_runs = TypeAdapter(list[RunSummary]).validate_json
