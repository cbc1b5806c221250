"""Bodies that are too large or too slow, in a small application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from web.problems import ANSWERS_TO_ERRORS
from web.safety.body_limits import BodyLimits

MOST = 1000


async def _size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


APP = BodyLimits(
    Starlette(routes=[Route("/", _size, methods=["POST"])], exception_handlers=ANSWERS_TO_ERRORS),
    most_bytes=MOST,
    seconds=0.05,
)


@pytest.mark.parametrize("size", [0, 1, MOST])
def test_a_body_within_the_limit_passes(size: int) -> None:
    """To the byte."""
    assert TestClient(APP).post("/", content=b"x" * size).text == str(size)


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_refused(declared: bool) -> None:
    """Whether its length is said before, or it comes in parts."""

    def parts() -> Iterator[bytes]:
        yield b"x" * MOST
        yield b"x"

    content: Any = b"x" * (MOST + 1) if declared else parts()
    answer = TestClient(APP).post("/", content=content)
    assert answer.status_code == 413
    assert f"over {MOST} bytes" in answer.json()["detail"]
    assert "connection" not in answer.headers


def test_a_body_that_does_not_come_is_given_up() -> None:
    """The answer is 408, and the connection ends."""
    sent: list[dict[str, Any]] = []

    async def drip() -> AsyncIterator[dict[str, Any]]:
        while True:
            await asyncio.sleep(0.01)
            yield {"type": "http.request", "body": b"x", "more_body": True}

    async def ask() -> None:
        drops = drip()

        async def receive() -> Any:
            return await anext(drops)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [],
            "scheme": "http",
            "server": ("localhost", 80),
        }
        await APP(scope, receive, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 408
