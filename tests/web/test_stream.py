"""The stream as a server sees it: what it sends, and when it gives up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.types import Message

from web.broadcast import Broadcast, Change
from web.stream import ChangeStream, encode

PATIENCE = 20.0
SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": []}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change(7), 'id: 7\nevent: position\ndata: {"position": 7}\n\n'),
        (Change(8, ()), 'id: 8\nevent: position\ndata: {"position": 8, "runs": []}\n\n'),
        (Change(9, ("a",)), 'id: 9\nevent: position\ndata: {"position": 9, "runs": ["a"]}\n\n'),
    ],
)
def test_an_event_is_its_position_and_the_runs_that_changed(change: Change, text: str) -> None:
    """The id is the position; runs are left out where they are too many to name."""
    assert encode(change) == text.encode()


def serve(
    broadcast: Broadcast,
    send: Callable[[Message], Awaitable[None]],
    receive: Callable[[], Awaitable[Message]],
) -> None:
    """Serve one client to the end of its stream, within a bounded time."""

    async def run() -> None:
        response = await ChangeStream(broadcast, heartbeat=0.01).stream(Request(SCOPE))
        with anyio.fail_after(PATIENCE):
            await response(SCOPE, receive, send)

    anyio.run(run)


def test_a_client_that_does_not_read_is_let_go() -> None:
    """Once its queue is full, the answer ends, though what was being sent never got through."""
    broadcast = Broadcast(capacity=3)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            for position in range(1, 10):
                broadcast.publish(Change(position))
            await anyio.sleep_forever()

    async def receive() -> Message:
        await anyio.sleep_forever()
        return {}

    serve(broadcast, send, receive)


def test_a_client_that_leaves_is_let_go() -> None:
    """A connection that is gone ends the answer, even if nothing ever changes."""
    gone = anyio.Event()
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))
        if len(sent) > 3:
            gone.set()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    serve(Broadcast(), send, receive)
    assert sent[:4] == [b"", b"retry: 1000\n\n", b": still here\n\n", b": still here\n\n"]


def test_a_stream_that_is_over_is_finished_properly() -> None:
    """When the server stops, the last piece says that no more will come."""
    broadcast = Broadcast()
    broadcast.publish(Change(3))
    broadcast.close()
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await anyio.sleep_forever()
        return {}

    serve(broadcast, send, receive)
    assert [message.get("more_body") for message in sent] == [None, True, True, False]
    assert dict(sent[0]["headers"])[b"x-ledger-position"] == b"3"
    assert b'"position": 3' in sent[2]["body"]
