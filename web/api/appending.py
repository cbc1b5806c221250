"""``POST /api/pipeline/events``: take the events of producers elsewhere into the log.

The answer comes after the sync: what it gives a receipt for is on disk. A batch is appended as one,
or not at all. Whoever gets no answer, or a 5xx, sends the same bytes again: an ``event_id`` that is
in the run already is answered with its first receipt, however long ago that was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from ledger import LedgerError, NewEvent, Receipt
from ledger.errors import InvalidEvent
from ledger.line.codec import MAX_BATCH
from ledger.line.strict_json import parse_json
from ledger.remote.wire import read_events
from web.api.append_refusals import REFUSALS, refusal_of
from web.api.endpoint import JSON, NDJSON, Answer, Call, Endpoint, Gives
from web.api.request_body import BAD_BODY, TOO_LARGE, UNSUPPORTED, media_type_of, read_body
from web.api.sent_events import SentEvents
from web.api.served_ledger import ServedLedger
from web.parameters import Asked, Position
from web.problems import Refused

__all__ = ["ENDPOINTS", "PATH", "append_body", "encode_receipts", "position_of"]

PATH = "/api/pipeline/events"

_LINES = (NDJSON, "application/jsonl")
_MANY_BYTES = 64 * 1024


class AppendQuery(Asked):
    """What may be asked of an append beside its events."""

    expected_sequence: Annotated[
        Position | None,
        Field(description="The sequence that the run must stand at; 0: there is none yet."),
    ] = None


class EventReceipt(BaseModel):
    """Where an event lies; `duplicate`: it was there already, and this is its first receipt."""

    event_id: str
    run_id: str | None
    position: int
    sequence: int
    leaf: str
    duplicate: bool


_RECEIPT_NAMES = tuple(EventReceipt.model_fields)


class Receipts(BaseModel):
    """The receipts of a batch, in the order of its events. All of it is on disk."""

    receipts: tuple[EventReceipt, ...]


async def append_events(call: Call[AppendQuery]) -> Answer:
    """Append one event or a batch, and answer with receipts once they are on disk.

    Raises:
        Refused: nothing was appended.
    """
    media_type = media_type_of(call.request, (JSON, *_LINES))
    body = await read_body(call.request, limit=MAX_BATCH)
    receipts = await append_body(
        call.ledger, body, lines=media_type in _LINES, expected=call.asked.expected_sequence
    )
    headers = {"X-Ledger-Position": str(position_of(receipts))}
    return Answer(body=encode_receipts(receipts), headers=headers)


async def append_body(
    ledger: ServedLedger, body: bytes, *, lines: bool = False, expected: int | None = None
) -> Sequence[Receipt]:
    """Append the events in a body, and give their receipts once they are on disk.

    Args:
        ledger: what is served.
        body: one event or a batch.
        lines: whether each line is an event.
        expected: the sequence that the run must stand at.

    Raises:
        Refused: nothing was appended.
    """
    if len(body) < _MANY_BYTES:
        events = _parse(body, lines=lines)
    else:
        events = await run_sync(lambda: _parse(body, lines=lines))
    if expected is not None and len({event.run_id for event in events}) > 1:
        raise _bad_body("expected_sequence is about one run, and the batch is of several")
    try:
        return await ledger.recording.append(events, expected_sequence=expected)
    except LedgerError as error:
        raise refusal_of(error, events) from error


def position_of(receipts: Sequence[Receipt]) -> int:
    """Give the position that the answer reflects."""
    return max(receipt.position for receipt in receipts)


def _parse(body: bytes, *, lines: bool) -> list[NewEvent]:
    """Read a body: one event, a list of them, ``{"events": […]}``, or one on each line."""
    values = _values_of_lines(body) if lines else _values(body)
    if not values:
        raise _bad_body("there is no event in it")
    try:
        return read_events(values)
    except LedgerError as error:
        raise refusal_of(error, ()) from error


def _values(body: bytes) -> list[Any]:
    try:
        value = parse_json(body, limit=MAX_BATCH)
    except InvalidEvent as error:
        raise _bad_body(str(error)) from None
    if isinstance(value, dict) and "events" in value:
        if len(value) > 1 or not isinstance(value["events"], list):
            raise _bad_body('beside "events", which is a list, there may be nothing')
        value = value["events"]
    return value if isinstance(value, list) else [value]


def _values_of_lines(body: bytes) -> list[Any]:
    values: list[Any] = []
    for number, line in enumerate(body.split(b"\n"), start=1):
        if line.strip():
            try:
                values.append(parse_json(line, limit=MAX_BATCH))
            except InvalidEvent as error:
                values.append(InvalidEvent(f"line {number}", str(error)))
    return values


def _bad_body(reason: str) -> Refused:
    detail = f"Nothing was appended: {reason}."
    return Refused(BAD_BODY.problem(detail))


def encode_receipts(receipts: Sequence[Receipt]) -> bytes:
    """Encode the receipts; that they are durable is said by sending them at all."""
    listed = [{name: getattr(one, name) for name in _RECEIPT_NAMES} for one in receipts]
    return msgspec.json.encode({"receipts": listed})


ENDPOINTS = (
    Endpoint(
        path=PATH,
        summary="Append events; the answer comes once they are on disk",
        answer=append_events,
        asks=AppendQuery,
        gives=[Gives(model=Receipts)],
        fails=(BAD_BODY, TOO_LARGE, UNSUPPORTED, *REFUSALS),
        scope="append",
        method="POST",
        takes=[
            Gives(model=SentEvents),
            *(Gives(lines, description="One event on each line.") for lines in _LINES),
        ],
    ),
)
