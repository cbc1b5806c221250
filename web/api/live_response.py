"""An answer that goes on until one side ends it: sent piece by piece, to a client that reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from web.api.open_streams import OpenStreams

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
        patience: float = _PATIENCE,
    ) -> None:
        """Send ``pieces``; drop a client that takes none within ``patience`` seconds."""
        own = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **headers}
        super().__init__(headers=own, media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces
        self._streams = streams
        self._address = request.client.host if request.client else ""
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the pieces end, the client is gone, or it does not read."""
        if scope["method"] == "HEAD":
            await self._begin(send)
            await send({"type": "http.response.body", "body": b""})
            return
        self._streams.enter(self._address)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                await self._begin(send)
                async with aclosing(self._pieces) as pieces:  # type: ignore[type-var] # a generator
                    async for piece in pieces:
                        with anyio.move_on_after(self._patience) as waiting:
                            await send(
                                {"type": "http.response.body", "body": piece, "more_body": True}
                            )
                        if waiting.cancelled_caught:
                            group.cancel_scope.cancel()
                            return
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                group.cancel_scope.cancel()
        finally:
            self._streams.leave(self._address)

    async def _begin(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
