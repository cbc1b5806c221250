"""An event before it was appended, and after. Only the log makes the second.

What it says is its payload, which ``ledger/events.py`` defines; here is what every event has.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ledger.identifiers import random_uuid

if TYPE_CHECKING:
    from ledger.events import EventData
    from ledger.payloads.payload import Payload

__all__ = ["RUNLESS_TYPES", "NewEvent", "Receipt", "RecordedEvent", "UnreadData"]

RUNLESS_TYPES = frozenset(
    {"ledger_created", "ledger_recovered", "ledger_repaired", "failure_acknowledged"}
)
"""Types whose events belong to no run: their ``run_id`` is null and their sequence 0."""


class UnreadData(msgspec.Struct, frozen=True):
    """The payload of an event this version does not know: kept, shown and ignored by folds."""

    value: dict[str, Any]
    reason: str


def _now() -> datetime:
    return datetime.now(UTC)


class NewEvent(msgspec.Struct, frozen=True):
    """An event before it is appended. ``run_id`` is null for events of no run."""

    data: EventData | Payload
    run_id: str | None = None
    event_id: str = msgspec.field(default_factory=random_uuid)
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
