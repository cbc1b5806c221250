"""What an append that did not come about is answered with: one table from our errors to problems.

A 4xx will be the same however often it is sent; a 5xx is worth another try, with the same event_id.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

from ledger.errors import (
    AppendFailed,
    DurabilityUnknown,
    EventIdConflict,
    EventTooLarge,
    IllegalTransition,
    InvalidEvent,
    LedgerDamaged,
    LedgerError,
    LedgerUnwritable,
    LockTimeout,
    SequenceConflict,
)
from ledger.events import NewEvent
from ledger.remote.wire import BadEvent, BadEvents
from ledger.shortening import encode_short
from web.problems import Problem
from web.writing.request_body import RefusedRequest

__all__ = ["bad_events", "refusal_of"]

_SOON, _LATER = "1", "30"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def bad_events(bad: Sequence[BadEvent]) -> RefusedRequest:
    """Refuse a batch, naming each event that is bad."""
    listed = [{"index": one.index, "field": one.field, "reason": one.reason} for one in bad]
    numbers = ", ".join(str(one.index) for one in bad[:10])
    return RefusedRequest(
        Problem(
            422,
            f"Nothing was appended: {_events(len(bad))} of the batch cannot be ({numbers}).",
            kind="invalid-events",
            title="Invalid events",
            members={"errors": listed},
        )
    )


def _events(count: int) -> str:
    return "one event" if count == 1 else f"{count} events"


def refusal_of(error: LedgerError, events: Sequence[NewEvent]) -> RefusedRequest:
    """Give the refusal of a batch that could not be appended, because of ``error``."""
    if isinstance(error, BadEvents):
        return bad_events(error.bad)
    if isinstance(error, EventTooLarge | InvalidEvent):
        return bad_events(_find_bad(events) or [BadEvent(0, error.field, error.reason)])
    if isinstance(error, SequenceConflict):
        known = {"run_id": error.run_id, "expected": error.expected, "actual": error.actual}
        return _conflict("sequence-conflict", "The run stands elsewhere", error, known)
    if isinstance(error, EventIdConflict | IllegalTransition):
        bad = [
            {"index": index, "event_id": event.event_id, "reason": str(error)}
            for index, event in enumerate(events)
            if event.event_id == error.event_id
        ]
        if isinstance(error, EventIdConflict):
            return _conflict("event-id-conflict", "An event_id twice", error, {"errors": bad})
        return _conflict("illegal-transition", "Not now in this run", error, {"errors": bad})
    return _unavailable(error)


def _conflict(kind: str, title: str, error: LedgerError, members: dict[str, Any]) -> RefusedRequest:
    detail = f"Nothing was appended: {error}."
    return RefusedRequest(Problem(409, detail, kind=kind, title=title, members=members))


def _find_bad(events: Sequence[NewEvent]) -> list[BadEvent]:
    """Find which events the log refused: those with an id twice, and those that make no line."""
    bad: list[BadEvent] = []
    seen: set[str] = set()
    for index, event in enumerate(events):
        if event.event_id in seen:
            bad.append(BadEvent(index, "event_id", "it stands twice in the batch"))
        seen.add(event.event_id)
        try:
            encode_short(event)
        except InvalidEvent as error:
            bad.append(BadEvent(index, error.field, error.reason))
    return bad


def _unavailable(error: LedgerError) -> RefusedRequest:
    """Say that it cannot be appended now, though it is worth another try."""
    status, kind, title, pause = 503, "unavailable", "Not now", _SOON
    if isinstance(error, AppendFailed):
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _FULL:
            status, kind, title, pause = 507, "disk-full", "The disk is full", _LATER
    elif isinstance(error, LedgerDamaged):
        kind, title, pause = "ledger-damaged", "The log is damaged", _LATER
    elif isinstance(error, LedgerUnwritable):
        kind, title, pause = "ledger-unwritable", "The ledger cannot be written", _LATER
    elif isinstance(error, DurabilityUnknown | LockTimeout):
        kind, title = "not-confirmed", "Not known to be durable"
    problem = Problem(status, f"{error}.", kind=kind, title=title)
    return RefusedRequest(problem, {"Retry-After": pause})
