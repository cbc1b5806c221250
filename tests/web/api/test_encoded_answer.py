"""An answer is made once and compressed once, and sent as often as it is asked for."""

from __future__ import annotations

import asyncio
import gzip

import anyio
from starlette.types import Message, Scope

from web.api.encoded_answer import EncodedAnswer
from web.api.endpoint import Answer

BODY = b"0123456789" * 1_000
ASKED: Scope = {"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]}


def test_however_many_ask_at_once_it_is_compressed_once() -> None:
    """All of them, and who comes later, are sent the very same bytes."""
    answer = EncodedAnswer(Answer(body=BODY), BODY, {})
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            sent.append(message["body"])

    async def check() -> None:
        assert answer.written(ASKED) is None
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(answer.send, ASKED, send)
        written = answer.written(ASKED)
        assert written is not None
        assert len(sent) == 5
        assert all(body is written.body for body in sent)

    anyio.run(check)


def test_who_leaves_while_it_is_compressed_takes_it_from_nobody() -> None:
    """A request that is cancelled leaves the others what they wait for."""
    answer = EncodedAnswer(Answer(body=BODY), BODY, {})

    async def sent() -> list[Message]:
        messages: list[Message] = []

        async def send(message: Message) -> None:
            messages.append(message)

        await answer.send(ASKED, send)
        return messages

    async def check() -> None:
        leaves, stays = asyncio.create_task(sent()), asyncio.create_task(sent())
        for _ in range(3):
            await asyncio.sleep(0)
        leaves.cancel()
        assert gzip.decompress((await stays)[1]["body"]) == BODY
        assert leaves.cancelled()

    asyncio.run(check())
