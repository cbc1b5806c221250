"""The event stream (server-sent events): every event of the log, as a position, a run and a type.

The id of each piece is the position up to which it tells. Whoever comes back with the last id it
heard is told what came since, from the log itself, so nothing is lost or told twice, though the
server was another one. Whoever comes without hears the newest position first.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any

from anyio.to_thread import run_sync
from pydantic import Field

from web.api.endpoint import Call, Endpoint, Gives
from web.api.live_response import LiveResponse
from web.api.open_streams import TOO_MANY_IN_ALL, TOO_MANY_OF_ONE
from web.api.served_ledger import ServedLedger
from web.broadcast import ToldEvent
from web.ledger_headers import position_header
from web.live import told_events
from web.parameters import Position, Reading

__all__ = ["ENDPOINTS", "StreamQuery", "encode", "pieces"]

EVENT_STREAM = "text/event-stream"
_RETRY = b"retry: 1000\n\n"
_HEARTBEAT = b": still here\n\n"
_AT_ONCE = 500
_MOST_DIGITS = 18


class StreamQuery(Reading):
    """What to hear of."""

    run: Annotated[str | None, Field(description="Only the events of this run.")] = None
    pipeline: Annotated[
        str | None, Field(description="Only the events of runs of this pipeline.")
    ] = None
    after: Annotated[
        Position | None,
        Field(description="Begin behind this position. `Last-Event-ID` goes before it."),
    ] = None

    @property
    def is_all(self) -> bool:
        """Tell whether nothing is left out."""
        return self.run is None and self.pipeline is None

    def wants(self, event: ToldEvent) -> bool:
        """Tell whether an event is asked for."""
        return (self.run is None or event.run_id == self.run) and (
            self.pipeline is None or event.pipeline == self.pipeline
        )


@lru_cache(maxsize=16)
def encode(position: int, events: tuple[ToldEvent, ...] | None = None) -> bytes:
    """Write one piece: where the log is, and what has happened; a JSON text holds no line break.

    Without events it says that anything may have changed.
    """
    data: dict[str, Any] = {"position": position}
    if events is not None:
        told = [event._asdict() for event in events]
        runs = dict.fromkeys(one["run_id"] for one in told if one["run_id"] is not None)
        data |= {"runs": list(runs), "events": told}
    return f"id: {position}\nevent: position\ndata: {json.dumps(data)}\n\n".encode()


async def pieces(
    ledger: ServedLedger, asked: StreamQuery, after: int | None, *, heartbeat: float
) -> AsyncIterator[bytes]:
    """Yield the stream from behind a position on; from now on, where there is none."""
    broadcast = ledger.broadcast
    yield _RETRY
    told = after
    if told is None or told > max(broadcast.position, ledger.reader.position):
        # Nothing was heard yet, or of another log: all that is shown has to be asked for again.
        while not broadcast.position and not broadcast.is_closed:
            if not await broadcast.beyond(0, patience=heartbeat):
                yield _HEARTBEAT
        told = broadcast.position
        if told:
            yield encode(told)
    while True:
        if await broadcast.beyond(told, patience=heartbeat):
            until, events = await _next(ledger, told)
            wanted = events if asked.is_all else tuple(filter(asked.wants, events))
            told = until
            if wanted:
                yield encode(until, wanted)
        elif broadcast.is_closed:
            return
        else:
            # With the id, so that who comes back does not ask for what it did not want to hear.
            yield b"id: %d\n%b" % (told, _HEARTBEAT)


async def _next(ledger: ServedLedger, told: int) -> tuple[int, tuple[ToldEvent, ...]]:
    """Give the events that follow, from what is kept or from the log, and up to where."""
    changes = ledger.broadcast.since(told)
    if changes is not None:
        events = chain.from_iterable(change.events or () for change in changes)
        return changes[-1].position, tuple(events)
    until = min(told + _AT_ONCE, ledger.broadcast.position)
    return until, await run_sync(told_events, ledger.history, told, until)


def _heard(header: str | None, asked: StreamQuery) -> int | None:
    """Read ``Last-Event-ID``; whatever is no position is as if it were not there."""
    if header and header.isascii() and header.isdecimal() and len(header) <= _MOST_DIGITS:
        return int(header)
    return asked.after


async def stream(call: Call[StreamQuery]) -> LiveResponse:
    """Tell what happens as it happens, as server-sent events."""
    ledger, request = call.ledger, call.request
    after = _heard(request.headers.get("last-event-id"), call.asked)
    position = ledger.broadcast.position
    return LiveResponse(
        pieces(ledger, call.asked, after, heartbeat=ledger.heartbeat),
        request,
        ledger.streams,
        media_type=EVENT_STREAM,
        headers=position_header(position) if position else {},
        heartbeat=ledger.heartbeat,
    )


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/stream",
        summary="What happens, as it happens",
        answer=stream,
        asks=StreamQuery,
        gives=[
            Gives(
                EVENT_STREAM,
                description="Events named `position`, whose `id` is the position up to which they"
                " tell, and whose data are `position`, `runs` and `events`.",
            )
        ],
        fails=[TOO_MANY_OF_ONE, TOO_MANY_IN_ALL],
        is_live=True,
    ),
)
