"""Bound what a request may bring: how many bytes, and how long they may take to come."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BODY_BYTES", "BODY_SECONDS", "BodyLimits"]

BODY_BYTES = 8 * 1024 * 1024
BODY_SECONDS = 30.0


class BodyLimits:
    """Answers 413 to a body that is too large, and 408 to one that does not come in time."""

    def __init__(
        self, app: ASGIApp, *, most_bytes: int = BODY_BYTES, seconds: float = BODY_SECONDS
    ) -> None:
        self._app = app
        self._most = most_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; its body is counted as the application takes it."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        declared = _declared_length(scope)
        left = self._most
        deadline = asyncio.get_running_loop().time() + self._seconds
        whole = False

        async def receive_some() -> Message:
            nonlocal left, whole
            # Raised here, it is answered as what the application itself raises.
            if declared > self._most:
                raise _too_large(self._most)
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, headers={"Connection": "close"}) from None
            left -= len(message.get("body", b""))
            if left < 0:
                raise _too_large(self._most)
            whole = not message.get("more_body", False)
            return message

        await self._app(scope, receive_some, send)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _too_large(most: int) -> HTTPException:
    # The connection stays, so that who sends all before it reads anything is told, too.
    return HTTPException(413, f"The body is over {most} bytes; send it in parts.")
