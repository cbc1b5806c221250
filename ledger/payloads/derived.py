"""What a ledger and its runs say of themselves, as structs derived from ``ledger/events.py``.

Written by ``make payloads``, never by hand; a test derives it again, and shows that both agree.
"""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, field

from ledger.identifiers import IDENTIFIER
from ledger.payloads.payload import Part, Payload

__all__ = [
    "ErrorInfo",
    "LedgerCreated",
    "LedgerRecovered",
    "LedgerRepaired",
    "RunAnnotated",
    "RunEnded",
    "RunStarted",
    "StageCompleted",
    "StageFailed",
    "StageSkipped",
    "StageStarted",
    "StageStopped",
    "WriterIdentity",
]

Identifier = Annotated[str, Meta(pattern=rf"^{IDENTIFIER}\Z")]
StageName = Annotated[str, Meta(max_length=512, pattern=rf"^{IDENTIFIER}(/{IDENTIFIER})*\Z")]
Text = str
JsonObject = dict[str, Any]
Seconds = Annotated[float, Meta(ge=0)]
Attempt = Annotated[int, Meta(ge=1, le=1000000)]
Count = Annotated[int, Meta(ge=0, le=9223372036854775807)]
Result = Literal["success", "failed", "stopped"]


class WriterIdentity(Part, frozen=True, kw_only=True):
    """The process that records a run: where to look when it falls silent."""

    host: Text
    machine_id: Text
    boot_id: Text
    pid: Count


class ErrorInfo(Part, frozen=True, kw_only=True):
    """What was raised; ``type`` is the class name, ``traceback`` the text Python prints."""

    type: Text
    message: Text
    traceback: Text | None = None


class LedgerCreated(Payload, frozen=True, kw_only=True):
    """Position 1 of every log: its identity is part of the chain."""

    type: ClassVar[str] = "ledger_created"
    ledger_id: Identifier
    format: Count


class LedgerRecovered(Payload, frozen=True, kw_only=True):
    """A torn tail was moved to quarantine and cut when the log was opened."""

    type: ClassVar[str] = "ledger_recovered"
    segment: Text
    offset: Count
    cut_bytes: Count
    sha256: Text
    quarantine: Text
    reason: Text


class LedgerRepaired(Payload, frozen=True, kw_only=True):
    """A person repaired damage: what was skipped, who did it and why."""

    type: ClassVar[str] = "ledger_repaired"
    skipped: tuple[JsonObject, ...]
    actor: Text
    reason: Text


class RunStarted(Payload, frozen=True, kw_only=True):
    """A run began; ``stages`` are the planned ones, in order, where they are known."""

    type: ClassVar[str] = "run_started"
    pipeline: Identifier
    stages: tuple[StageName, ...] = ()
    parameters: JsonObject = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)
    trigger: Text | None = None
    rerun_of: Identifier | None = None
    writer: WriterIdentity
    code_version: Text | None = None


class StageStarted(Payload, frozen=True, kw_only=True):
    """One attempt of a stage began."""

    type: ClassVar[str] = "stage_started"
    stage: StageName
    attempt: Attempt


class StageCompleted(Payload, frozen=True, kw_only=True):
    """An attempt succeeded; ``elapsed_seconds`` is from a monotonic clock in one process."""

    type: ClassVar[str] = "stage_completed"
    stage: StageName
    attempt: Attempt
    metrics: JsonObject = field(default_factory=dict)
    output_tail: Text | None = None
    elapsed_seconds: Seconds


class StageFailed(Payload, frozen=True, kw_only=True):
    """An attempt raised; ``will_retry`` tells whether another attempt was going to follow."""

    type: ClassVar[str] = "stage_failed"
    stage: StageName
    attempt: Attempt
    error: ErrorInfo
    will_retry: bool = False
    output_tail: Text | None = None
    elapsed_seconds: Seconds


class StageStopped(Payload, frozen=True, kw_only=True):
    """An attempt was ended from outside: an interrupt, a stop, a cancellation."""

    type: ClassVar[str] = "stage_stopped"
    stage: StageName
    attempt: Attempt
    elapsed_seconds: Seconds


class StageSkipped(Payload, frozen=True, kw_only=True):
    """A planned stage was not tried."""

    type: ClassVar[str] = "stage_skipped"
    stage: StageName
    reason: Text


class RunEnded(Payload, frozen=True, kw_only=True):
    """The run came to its own end."""

    type: ClassVar[str] = "run_ended"
    result: Result
    failure_reason: Text | None = None
    elapsed_seconds: Seconds


class RunAnnotated(Payload, frozen=True, kw_only=True):
    """A later remark, which is a new fact: metadata to merge, a note, who said it."""

    type: ClassVar[str] = "run_annotated"
    metadata: JsonObject = field(default_factory=dict)
    note: Text | None = None
    actor: Text
