"""The events: one frozen pydantic model per type, and nothing else defines them.

WARNING: the ``type`` strings and the field names below lie in logs that exist. They are a promise:
a changed payload gets a new ``schema_version``, an upcaster and a golden file, never an edit.

A ``NewEvent`` is an event before it was appended; a ``RecordedEvent`` is the same fact after, with
its place in the log. Only the log makes the second.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, TypeVar

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

from ledger.errors import InvalidEvent
from ledger.fields import (
    Attempt,
    Count,
    Identifier,
    JsonObject,
    Seconds,
    StageName,
    Text,
    UtcTime,
    faults_of,
)

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


RUNLESS_TYPES = frozenset(
    {"ledger_created", "ledger_recovered", "ledger_repaired", "failure_acknowledged"}
)
"""Types whose events belong to no run: their ``run_id`` is null and their sequence 0."""


class UnreadData(msgspec.Struct, frozen=True):
    """The payload of an event this version does not know: kept, shown and ignored by folds."""

    value: dict[str, Any]
    reason: str


def _new_id() -> str:
    """Make a random UUID as ``uuid4`` does, in half of the time: each event needs one."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _now() -> datetime:
    return datetime.now(UTC)


class NewEvent(msgspec.Struct, frozen=True):
    """An event before it is appended. ``run_id`` is null for events of no run."""

    data: EventData
    run_id: str | None = None
    event_id: str = msgspec.field(default_factory=_new_id)
    occurred_at: datetime = msgspec.field(default_factory=_now)


class RecordedEvent(msgspec.Struct, frozen=True):
    """A fact in the log.

    Attributes:
        position: 1-based ordinal in the whole log, no gaps.
        prev: leaf hash of the line before, 64 hex digits; zeros at position 1.
        sequence: 1-based ordinal within the run; 0 for events of no run.
        rest: how many lines of the same batch still follow.
        occurred_at: when it happened, by the producer's clock.
        recorded_at: when it was appended; never runs backwards.
        data: the model of its type, or ``UnreadData``.
        line: the raw bytes as they lie in the log, without the newline.
    """

    position: int
    prev: str
    event_id: str
    run_id: str | None
    sequence: int
    rest: int
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    data: EventData | UnreadData
    line: bytes

    @property
    def leaf(self) -> str:
        """RFC 6962 leaf hash of the line, 64 hex digits: the ``prev`` of the next line."""
        return hashlib.sha256(b"\x00" + self.line).hexdigest()


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What an append gives back: where the event lies, its leaf hash, and whether it is on disk.

    ``duplicate`` marks the first receipt of an event that was appended again with its event_id.
    """

    event_id: str
    run_id: str | None
    position: int
    sequence: int
    leaf: str
    durable: bool
    duplicate: bool = False
