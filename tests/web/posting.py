"""Events as producers on other machines send them."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.events import NewEvent
from ledger.line.codec import encode_body
from ledger.remote.sent_event import as_sent
from tests.ledger.examples import event_id, run_started, stage_started

__all__ = ["EVENTS", "sent", "sent_stage", "sent_start"]

EVENTS = "/api/pipeline/events"


def sent(event: NewEvent, number: int | None = None) -> dict[str, Any]:
    """Give an event as it is sent, with the event_id of a number where one is given."""
    value: dict[str, Any] = msgspec.json.decode(as_sent(encode_body(event)))
    return value if number is None else {**value, "event_id": event_id(number)}


def sent_start(run_id: str, number: int | None = None) -> dict[str, Any]:
    """Send the start of a run."""
    return sent(run_started(run_id), number)


def sent_stage(run_id: str, stage: str = "load", number: int | None = None) -> dict[str, Any]:
    """Send the start of a stage."""
    return sent(stage_started(run_id, stage), number)
