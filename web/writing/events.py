"""``POST /api/pipeline/events``: take the events of producers elsewhere into the log.

The answer comes after the sync: what it gives a receipt for is on disk. A batch is appended as one,
or not at all. Whoever gets no answer, or a 5xx, sends the same bytes again: an ``event_id`` that is
in the run already is answered with its first receipt, however long ago that was.
"""

from __future__ import annotations

from typing import Any

import msgspec
from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from ledger import LedgerError, NewEvent, Receipt
from ledger.codec import MAX_BATCH
from ledger.errors import InvalidEvent
from ledger.remote.wire import read_events
from ledger.strict_json import parse_json
from web.parameters import parse_query
from web.problems import Problem, answer
from web.writing.recording import Recording
from web.writing.refusals import refusal_of
from web.writing.request_body import RefusedRequest, media_type_of, read_body

__all__ = ["JSON_TYPES", "LINES_TYPES", "AppendQuery", "EventsWriting"]

JSON_TYPES = ("application/json",)
LINES_TYPES = ("application/x-ndjson", "application/jsonl")
_MANY_BYTES = 64 * 1024
_WHOLE_NUMBER = r"^[0-9]{1,9}$"


class AppendQuery(BaseModel):
    """What may be asked of an append beside its events."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expected_sequence: str | None = Field(
        None,
        pattern=_WHOLE_NUMBER,
        description="The sequence that the run must stand at; 0 means that there is no such run.",
    )


class EventsWriting:
    """Takes events into one log."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    async def append(self, request: Request) -> Response:
        """Append one event or a batch, and answer with receipts once they are on disk."""
        try:
            receipts = await self._append(request)
        except RefusedRequest as refused:
            return answer(request, refused.problem, refused.headers)
        position = max(receipt.position for receipt in receipts)
        return Response(
            _encode(receipts),
            200 if all(receipt.duplicate for receipt in receipts) else 201,
            {"X-Ledger-Position": str(position)},
            "application/json",
        )

    async def _append(self, request: Request) -> list[Receipt]:
        asked = parse_query(AppendQuery, request.query_params)
        media_type = media_type_of(request, (*JSON_TYPES, *LINES_TYPES))
        body = await read_body(request, limit=MAX_BATCH)
        lines = media_type in LINES_TYPES
        if len(body) < _MANY_BYTES:
            events = _parse(body, lines=lines)
        else:
            events = await run_sync(lambda: _parse(body, lines=lines))
        expected = None if asked.expected_sequence is None else int(asked.expected_sequence)
        if expected is not None and len({event.run_id for event in events}) > 1:
            raise _bad_body("expected_sequence is about one run, and the batch is of several")
        try:
            return await self._recording.append(events, expected_sequence=expected)
        except LedgerError as error:
            raise refusal_of(error, events) from error


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
                raise _bad_body(f"line {number}: {error}") from None
    return values


def _bad_body(reason: str) -> RefusedRequest:
    detail = f"Nothing was appended: {reason}."
    return RefusedRequest(Problem(400, detail, kind="bad-body", title="Bad body"))


def _encode(receipts: list[Receipt]) -> bytes:
    """Encode the receipts; what makes one durable is that it is sent at all."""
    return msgspec.json.encode(
        {
            "receipts": [
                {
                    "event_id": receipt.event_id,
                    "run_id": receipt.run_id,
                    "position": receipt.position,
                    "sequence": receipt.sequence,
                    "leaf": receipt.leaf,
                    "duplicate": receipt.duplicate,
                }
                for receipt in receipts
            ]
        }
    )
