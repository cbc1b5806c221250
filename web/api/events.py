"""The events as they lie in the log: raw lines, whole or in pages, and followed as they come."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from ledger.fields import RUN_ID
from ledger.line.walk import Line
from web.api.endpoint import JSON, NDJSON, Answer, Call, Endpoint, Gives
from web.api.live_response import LiveResponse
from web.api.open_streams import TOO_MANY_IN_ALL, TOO_MANY_OF_ONE
from web.api.runs import UNKNOWN_RUN, unknown_run
from web.api.served_ledger import ServedLedger
from web.ledger_headers import position_header
from web.parameters import Flag, Limit, Position, Reading

__all__ = ["ENDPOINTS", "EventsQuery", "RunEventsQuery"]

_PAGE = 100
_LOOKED_AT = 100_000
"""Lines that a page looks at at most, so that a rare type does not make it take for ever."""
_PIECE = 1 << 16
_SOME = 1_000


def _one_is_true(value: object) -> object:
    return "true" if value == "1" else value


_Follow = Annotated[
    Flag,
    BeforeValidator(_one_is_true),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"const": 1}]}),
]
"""A flag that is also set by ``1``, as who types an address writes it."""


class _Lines(Reading):
    """Which lines, and how."""

    after: Annotated[Position, Field(description="Only what lies behind this position.")] = 0
    until: Annotated[
        Position | None, Field(description="Only up to this position, itself taken in.")
    ] = None
    type: Annotated[str | None, Field(description="Only events of this type.")] = None
    limit: Annotated[
        Limit | None,
        Field(description="How many at most: 100 as JSON, as many as there are as NDJSON."),
    ] = None
    format: Annotated[
        Literal["json", "ndjson"] | None, Field(description="Goes before the header `Accept`.")
    ] = None
    follow: Annotated[_Follow, Field(description="Stay, and send what comes, as NDJSON.")] = False


class EventsQuery(_Lines):
    """Which events of the log."""

    run: Annotated[str | None, Field(description="Only the events of this run.")] = None


class RunEventsQuery(_Lines):
    """Which events of a run; followed, they end with the run."""

    run_id: str

    @property
    def run(self) -> str:
        """The run."""
        return self.run_id


class RawEvent(BaseModel):
    """A line of the log, as it was appended (see docs/format.md)."""

    position: int
    prev: str
    event_id: str
    run_id: str | None
    sequence: int
    rest: int
    type: str
    schema_version: int
    occurred_at: str
    recorded_at: str
    data: dict[str, Any]
    crc: str


class EventsAnswer(BaseModel):
    """A page of events."""

    events: tuple[RawEvent, ...]
    next: Annotated[
        int | None,
        Field(description="Give it as `after` for the next page; null where all was looked at."),
    ]


_Asked = EventsQuery | RunEventsQuery


def _lines(ledger: ServedLedger, asked: _Asked, after: int, until: int) -> Iterator[Line]:
    """Yield the lines that are asked for, but for their type."""
    if asked.run is None:
        yield from ledger.reader.read_lines(after, until)
    elif RUN_ID.fullmatch(asked.run):
        lines = ledger.reader.run_lines(asked.run, until)
        yield from (line for line in lines if line.end.position > after)


def _wanted(asked: _Asked, line: Line) -> bool:
    return asked.type is None or line.envelope.type == asked.type


def _pieces(lines: Iterable[Line]) -> Iterator[bytes]:
    """Put lines together to pieces of a size that is worth sending."""
    piece = bytearray()
    for line in lines:
        piece += line.raw + b"\n"
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _all_lines(ledger: ServedLedger, asked: _Asked, until: int) -> Answer:
    lines = (line for line in _lines(ledger, asked, asked.after, until) if _wanted(asked, line))
    limited = islice(lines, asked.limit) if asked.limit else lines
    return Answer(
        body=_pieces(limited),
        position=until,
        media_type=NDJSON,
        etag=f'W/"{until}-{ledger.reader.identity.ledger_id}"',
        is_past=True,
    )


def _page(call: Call[Any], until: int) -> Answer:
    asked: _Asked = call.asked
    limit, last, looked_at = asked.limit or _PAGE, until, 0
    found: list[bytes] = []
    for line in _lines(call.ledger, asked, asked.after, until):
        if len(found) == limit or looked_at == _LOOKED_AT:
            break
        looked_at, last = looked_at + 1, line.end.position
        if _wanted(asked, line):
            found.append(line.raw)
    else:
        last = until
    following = last if last < until else None
    headers = {}
    if following is not None:
        given = [pair for pair in call.request.query_params.multi_items() if pair[0] != "after"]
        query = urlencode([*given, ("after", str(following))])
        headers["Link"] = f'<?{query}>; rel="next"'
    shown = "null" if following is None else str(following)
    body = b'{"events":[%b],"next":%b}' % (b",".join(found), shown.encode())
    return Answer(body=body, position=until, is_past=True, headers=headers)


async def _followed(ledger: ServedLedger, asked: _Asked, until: int) -> AsyncIterator[bytes]:
    """Yield what there is, and then what comes, until enough was sent or the run has ended."""
    after, left, stop = asked.after, asked.limit or math.inf, asked.until or math.inf
    is_news = True
    while left > 0:
        lines = _lines(ledger, asked, after, until)
        while some := await run_sync(_some, lines):
            is_news = True
            wanted = [line for line in some if _wanted(asked, line)]
            for piece in _pieces(wanted[: int(min(left, _SOME))]):
                yield piece
            left -= len(wanted)
            if left <= 0:
                return
        after = max(after, until)
        if after >= stop or (is_news and await run_sync(_has_ended, ledger, asked, after)):
            return
        is_news = False
        while not await ledger.broadcast.beyond(after, patience=ledger.heartbeat):
            if ledger.broadcast.is_closed:
                return
        until = int(min(ledger.broadcast.position, stop))


def _some(lines: Iterator[Line]) -> list[Line]:
    return list(islice(lines, _SOME))


def _has_ended(ledger: ServedLedger, asked: _Asked, after: int) -> bool:
    """Tell whether the run that is asked for has ended, as its summary says, with nothing left.

    A remark may follow, and what takes a presumption back; neither is waited for.
    """
    if not isinstance(asked, RunEventsQuery):
        return False
    run = ledger.history.get_run(asked.run_id)
    return run is not None and run.result is not None and run.last_position <= after


async def _answer(call: Call[Any]) -> Answer | LiveResponse:
    asked: _Asked = call.asked
    last = await run_sync(lambda: call.ledger.reader.position)
    until = last if asked.until is None else min(asked.until, last)
    if asked.follow:
        return LiveResponse(
            _followed(call.ledger, asked, until),
            call.request,
            call.ledger.streams,
            media_type=NDJSON,
            headers=position_header(last),
            heartbeat=call.ledger.heartbeat,
        )
    as_json = asked.format == "json" if asked.format else call.media_type == JSON
    if as_json:
        return await run_sync(_page, call, until)
    return _all_lines(call.ledger, asked, until)


async def events(call: Call[EventsQuery]) -> Answer | LiveResponse:
    """Give events as they lie in the log, byte for byte, after a position."""
    return await _answer(call)


async def run_events(call: Call[RunEventsQuery]) -> Answer | LiveResponse:
    """Give the events of one run, as they lie in the log."""
    run_id, history = call.asked.run_id, call.ledger.history
    if await run_sync(history.run_json, run_id) is None:
        raise await run_sync(unknown_run, history, run_id)
    return await _answer(call)


_GIVES = [
    Gives(model=EventsAnswer),
    Gives(NDJSON, description="One line of the log after the other."),
]

ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/events",
        summary="The events of the log",
        answer=events,
        asks=EventsQuery,
        gives=_GIVES,
        fails=[TOO_MANY_OF_ONE, TOO_MANY_IN_ALL],
        tells=["Link"],
    ),
    Endpoint(
        path="/api/pipeline/runs/{run_id}/events",
        summary="The events of a run",
        answer=run_events,
        asks=RunEventsQuery,
        gives=_GIVES,
        fails=[UNKNOWN_RUN, TOO_MANY_OF_ONE, TOO_MANY_IN_ALL],
        tells=["Link"],
    ),
)
