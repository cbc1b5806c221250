"""The events: one frozen pydantic model per type, and nothing else defines them.

WARNING: the ``type`` strings and the field names below lie in logs that exist. They are a promise:
a changed payload gets a new ``schema_version``, an upcaster and a golden file, never an edit.

What a run says of itself is made without them, by structs derived from them: a changed model asks
for ``make payloads``. What every event has beside its payload is in ``recorded.py``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

from ledger.errors import InvalidEvent
from ledger.faults import faults_of
from ledger.fields import (
    Attempt,
    Count,
    Identifier,
    JsonObject,
    Seconds,
    StageName,
    Text,
    UtcTime,
)
from ledger.recorded import RUNLESS_TYPES, NewEvent, Receipt, RecordedEvent, UnreadData

__all__ = [
    "EVENT_TYPES",
    "RUNLESS_TYPES",
    "ErrorInfo",
    "EventData",
    "FailureAcknowledged",
    "ImportedRun",
    "LedgerCreated",
    "LedgerRecovered",
    "LedgerRepaired",
    "NewEvent",
    "Receipt",
    "RecordedEvent",
    "Result",
    "RunAbandoned",
    "RunAnnotated",
    "RunEnded",
    "RunImported",
    "RunStarted",
    "StageCompleted",
    "StageFailed",
    "StageSkipped",
    "StageStarted",
    "StageStopped",
    "UnreadData",
    "WriterIdentity",
    "build",
]

Result = Literal["success", "failed", "stopped"]


class EventData(BaseModel):
    """The payload of one event type."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def as_json(self) -> bytes:
        """Encode it as it lies in a line."""
        # What model_dump_json calls, without its ten keyword arguments and the text in between.
        return self.__pydantic_serializer__.to_json(self)

    def as_value(self) -> dict[str, Any]:
        """Give its fields as values that nobody else holds."""
        return self.model_dump()

    def with_value(self, value: dict[str, Any]) -> Self:
        """Give a payload of the same type, with other fields."""
        return type(self).model_validate(value)


Data = TypeVar("Data", bound=EventData)


def build(model: type[Data], **fields: object) -> Data:
    """Make a payload.

    Raises:
        InvalidEvent: names the first field that is wrong, and why.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        place, reason = faults_of(error)[0]
        raise InvalidEvent(place or "data", reason) from None


class WriterIdentity(BaseModel):
    """The process that records a run: where to look when it falls silent."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    host: Text
    machine_id: Text
    boot_id: Text
    pid: Count


class ErrorInfo(BaseModel):
    """What was raised; ``type`` is the class name, ``traceback`` the text Python prints."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    type: Text
    message: Text
    traceback: Text | None = None


class LedgerCreated(EventData):
    """Position 1 of every log: its identity is part of the chain."""

    type: ClassVar[str] = "ledger_created"
    ledger_id: Identifier
    format: Count


class RunStarted(EventData):
    """A run began; ``stages`` are the planned ones, in order, where they are known."""

    type: ClassVar[str] = "run_started"
    pipeline: Identifier
    stages: tuple[StageName, ...] = ()
    parameters: JsonObject = Field(default_factory=dict)
    metadata: JsonObject = Field(default_factory=dict)
    trigger: Text | None = None
    rerun_of: Identifier | None = None
    writer: WriterIdentity
    code_version: Text | None = None


class StageStarted(EventData):
    """One attempt of a stage began."""

    type: ClassVar[str] = "stage_started"
    stage: StageName
    attempt: Attempt


class StageCompleted(EventData):
    """An attempt succeeded; ``elapsed_seconds`` is from a monotonic clock in one process."""

    type: ClassVar[str] = "stage_completed"
    stage: StageName
    attempt: Attempt
    metrics: JsonObject = Field(default_factory=dict)
    output_tail: Text | None = None
    elapsed_seconds: Seconds


class StageFailed(EventData):
    """An attempt raised; ``will_retry`` tells whether another attempt was going to follow."""

    type: ClassVar[str] = "stage_failed"
    stage: StageName
    attempt: Attempt
    error: ErrorInfo
    will_retry: bool = False
    output_tail: Text | None = None
    elapsed_seconds: Seconds


class StageStopped(EventData):
    """An attempt was ended from outside: an interrupt, a stop, a cancellation."""

    type: ClassVar[str] = "stage_stopped"
    stage: StageName
    attempt: Attempt
    elapsed_seconds: Seconds


class StageSkipped(EventData):
    """A planned stage was not tried."""

    type: ClassVar[str] = "stage_skipped"
    stage: StageName
    reason: Text


class RunEnded(EventData):
    """The run came to its own end."""

    type: ClassVar[str] = "run_ended"
    result: Result
    failure_reason: Text | None = None
    elapsed_seconds: Seconds


class RunAbandoned(EventData):
    """A presumption with its evidence: the writer is gone and no end was recorded."""

    type: ClassVar[str] = "run_abandoned"
    detected_by: Text
    host: Text
    pid: Count
    last_sequence: Count


class RunAnnotated(EventData):
    """A later remark, which is a new fact: metadata to merge, a note, who said it."""

    type: ClassVar[str] = "run_annotated"
    metadata: JsonObject = Field(default_factory=dict)
    note: Text | None = None
    actor: Text


class ImportedRun(BaseModel):
    """The nine values of a run summary from elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    run_id: Identifier
    started_at: UtcTime
    ended_at: UtcTime | None
    result: Result | None
    failure_reason: Text | None
    stages_executed: tuple[Text, ...]
    stages_failed: tuple[Text, ...]
    retry_count: Count
    metadata: JsonObject


class RunImported(EventData):
    """A run that another system recorded: one event, nothing invented."""

    type: ClassVar[str] = "run_imported"
    summary: ImportedRun
    source: Text


class FailureAcknowledged(EventData):
    """A person looked at a kind of failure and said so."""

    type: ClassVar[str] = "failure_acknowledged"
    fingerprint: Text
    note: Text
    actor: Text


class LedgerRecovered(EventData):
    """A torn tail was moved to quarantine and cut when the log was opened."""

    type: ClassVar[str] = "ledger_recovered"
    segment: Text
    offset: Count
    cut_bytes: Count
    sha256: Text
    quarantine: Text
    reason: Text


class LedgerRepaired(EventData):
    """A person repaired damage: what was skipped, who did it and why."""

    type: ClassVar[str] = "ledger_repaired"
    skipped: tuple[JsonObject, ...]
    actor: Text
    reason: Text


EVENT_TYPES: Mapping[str, type[EventData]] = {
    model.type: model
    for model in (
        LedgerCreated,
        RunStarted,
        StageStarted,
        StageCompleted,
        StageFailed,
        StageStopped,
        StageSkipped,
        RunEnded,
        RunAbandoned,
        RunAnnotated,
        RunImported,
        FailureAcknowledged,
        LedgerRecovered,
        LedgerRepaired,
    )
}


def _complete_models() -> None:
    models: list[type[BaseModel]] = [WriterIdentity, ErrorInfo, ImportedRun, EventData]
    for model in (*models, *EVENT_TYPES.values()):
        model.model_rebuild()


# Each is completed at its first use, under one lock for all models; a child forked meanwhile would
# have that lock for good.
os.register_at_fork(before=_complete_models)
