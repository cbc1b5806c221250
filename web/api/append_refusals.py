"""What an append that did not come about is answered with: one table from our errors to problems.

A 4xx will be the same however often it is sent; a 5xx is worth another try, with the same event_id.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from ledger.errors import (
    AppendFailed,
    DurabilityUnknown,
    EventIdConflict,
    IllegalTransition,
    InvalidEvent,
    LedgerDamaged,
    LedgerError,
    LedgerUnwritable,
    SequenceConflict,
)
from ledger.events import NewEvent
from ledger.remote.wire import TWICE, BadEvent, BadEvents, bad_lines
from web.problems import Failure, Refused

__all__ = ["REFUSALS", "refusal_of"]

_SOON, _LATER = "1", "30"
_FULL = (errno.ENOSPC, errno.EDQUOT)


INVALID = Failure(422, "invalid-events", "Invalid events")
ELSEWHERE = Failure(409, "sequence-conflict", "The run stands elsewhere")
ID_TWICE = Failure(409, "event-id-conflict", "The event_id stands for another event")
NOT_NOW = Failure(409, "illegal-transition", "The run does not allow it now")
DISK_FULL = Failure(507, "disk-full", "The disk is full")
DAMAGED = Failure(503, "ledger-damaged", "The log is damaged")
UNWRITABLE = Failure(503, "ledger-unwritable", "The ledger cannot be written")
NOT_CONFIRMED = Failure(503, "not-confirmed", "Not known to be durable")
UNAVAILABLE = Failure(503, "unavailable", "Not now")

REFUSALS = (
    *(INVALID, ELSEWHERE, ID_TWICE, NOT_NOW),
    *(DISK_FULL, DAMAGED, UNWRITABLE, NOT_CONFIRMED, UNAVAILABLE),
)
"""All that an append can be refused with, once its body was read."""


def refusal_of(error: LedgerError, events: Sequence[NewEvent]) -> Refused:
    """Give the refusal of a batch that could not be appended, because of ``error``."""
    if isinstance(error, BadEvents):
        return _bad_events(error.bad)
    if isinstance(error, InvalidEvent):
        bad = bad_lines(dict(enumerate(events))) or [BadEvent(0, error.field, error.reason)]
        # Each by itself would do: it is the batch that contradicts itself.
        return _bad_events(bad, ID_TWICE if all(one.reason == TWICE for one in bad) else INVALID)
    detail = f"Nothing was appended: {error}."
    if isinstance(error, SequenceConflict):
        known = {"run_id": error.run_id, "expected": error.expected, "actual": error.actual}
        return Refused(ELSEWHERE.problem(detail, **known))
    if isinstance(error, EventIdConflict | IllegalTransition):
        reasons = {one.event_id: str(one) for one in (error, *error.others)}
        listed = [
            {"index": index, "event_id": event.event_id, "reason": reasons[event.event_id]}
            for index, event in enumerate(events)
            if event.event_id in reasons
        ]
        failure = ID_TWICE if isinstance(error, EventIdConflict) else NOT_NOW
        return Refused(failure.problem(detail, errors=listed))
    return _unavailable(error)


def _bad_events(bad: Sequence[BadEvent], failure: Failure = INVALID) -> Refused:
    """Refuse a batch, naming each event that is bad, and all that is wrong with it."""
    listed = [{"index": one.index, "field": one.field, "reason": one.reason} for one in bad]
    indexes = sorted({one.index for one in bad})
    count = "one event" if len(indexes) == 1 else f"{len(indexes)} events"
    numbers = ", ".join(map(str, indexes[:10]))
    detail = f"Nothing was appended: {count} of the batch cannot be ({numbers})."
    return Refused(failure.problem(detail, errors=listed))


def _unavailable(error: LedgerError) -> Refused:
    """Say that it cannot be appended now, though it is worth another try."""
    failure, pause = UNAVAILABLE, _SOON
    if isinstance(error, AppendFailed):
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _FULL:
            failure, pause = DISK_FULL, _LATER
    elif isinstance(error, LedgerDamaged):
        failure, pause = DAMAGED, _LATER
    elif isinstance(error, LedgerUnwritable):
        failure, pause = UNWRITABLE, _LATER
    elif isinstance(error, DurabilityUnknown):
        failure = NOT_CONFIRMED
    return Refused(failure.problem(f"{error}."), {"Retry-After": pause})
