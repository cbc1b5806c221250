"""The event stream (server-sent events): it says what is stale, and the client asks again.

The id of each event is a ledger position. Whoever connects, for the first time or again, hears the
newest position first, so nothing can be missed in between.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from web.broadcast import Broadcast, Change, Subscription
from web.ledger_headers import position_header

__all__ = ["ChangeStream", "encode"]

_RETRY = b"retry: 1000\n\n"
_HEARTBEAT = b": still here\n\n"


def encode(change: Change) -> bytes:
    """Write a change as one event; a JSON text holds no line break."""
    data: dict[str, object] = {"position": change.position}
    if change.runs is not None:
        data["runs"] = change.runs
    return f"id: {change.position}\nevent: position\ndata: {json.dumps(data)}\n\n".encode()


class ChangeStream:
    """Serves the changes of one broadcast."""

    def __init__(self, broadcast: Broadcast, *, heartbeat: float) -> None:
        """Send a comment after each ``heartbeat`` seconds without a change."""
        self._broadcast = broadcast
        self._heartbeat = heartbeat

    async def stream(self, request: Request) -> Response:
        """Answer with a stream that goes on until one side ends it."""
        latest = self._broadcast.latest
        headers = {
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            **(position_header(latest.position) if latest else {}),
        }
        if request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        return _EventStream(self._broadcast, self._heartbeat, headers)


class _EventStream(Response):
    """An answer that goes on until the client leaves, is dropped, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, broadcast: Broadcast, heartbeat: float, headers: dict[str, str]) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._broadcast = broadcast
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send changes as they come; give up on a client that is gone or does not read."""
        del scope
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        with self._broadcast.subscribe() as subscription:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                group.start_soon(_until_dropped, subscription, group.cancel_scope)
                await send(start)
                async for chunk in self._chunks(subscription):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                group.cancel_scope.cancel()

    async def _chunks(self, subscription: Subscription) -> AsyncIterator[bytes]:
        yield _RETRY
        while True:
            try:
                change = await subscription.next(self._heartbeat)
            except anyio.EndOfStream:
                return
            yield _HEARTBEAT if change is None else encode(change)


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _until_dropped(subscription: Subscription, scope: anyio.CancelScope) -> None:
    await subscription.dropped.wait()
    scope.cancel()
