"""An answer that goes on until one side ends it: sent piece by piece, to a client that reads.

It ends, too, once who asked for it would not be let in any more: a token that was revoked hears
nothing from the next heartbeat on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from web.api.open_streams import OpenStreams
from web.safety.guard import is_still_admitted

__all__ = ["LiveResponse"]

_PATIENCE = 20.0


class LiveResponse(Response):
    """Sends pieces as they come; gives up on a client that is gone or does not read."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        request: Request,
        streams: OpenStreams,
        *,
        media_type: str,
        headers: Mapping[str, str],
        heartbeat: float,
        patience: float = _PATIENCE,
    ) -> None:
        """Send ``pieces``; drop a client that takes none within ``patience`` seconds.

        Each ``heartbeat`` seconds it is asked whether the client is still let in.
        """
        own = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **headers}
        super().__init__(headers=own, media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces
        self._streams = streams
        self._address = request.client.host if request.client else ""
        self._heartbeat = heartbeat
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the pieces end, the client is gone, or it does not read."""
        if scope["method"] == "HEAD":
            await self._begin(send)
            await send({"type": "http.response.body", "body": b""})
            return
        self._streams.enter(self._address)
        is_read = True
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                group.start_soon(self._until_refused, scope, group.cancel_scope)
                await self._begin(send)
                is_read = await self._send_pieces(send)
                group.cancel_scope.cancel()
            if is_read:
                with anyio.move_on_after(self._patience):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._streams.leave(self._address)

    async def _send_pieces(self, send: Send) -> bool:
        """Send them all, and tell whether the client read them."""
        async with aclosing(self._pieces) as pieces:  # type: ignore[type-var] # a generator
            async for piece in pieces:
                with anyio.move_on_after(self._patience) as waiting:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                if waiting.cancelled_caught:
                    return False
        return True

    async def _until_refused(self, request: Scope, sending: anyio.CancelScope) -> None:
        while is_still_admitted(request):  # noqa: ASYNC110 - a file of tokens sets no event
            await anyio.sleep(self._heartbeat)
        sending.cancel()

    async def _begin(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
