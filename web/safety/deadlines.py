"""Let no connection wait for ever: a request that was begun must come to its end in time.

uvicorn bounds only the pause between two requests, so a client that sends half a header, or half a
body to an address that reads none, keeps its connection for good. Each of those is one timer here.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

__all__ = ["DeadlineProtocol"]

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class DeadlineProtocol(HttpToolsProtocol):
    """Ends a connection on which a request does not come to its end.

    Attributes:
        header_seconds: from the first byte, or the connection, to the end of the headers.
        request_seconds: from there to the end of the body.
    """

    header_seconds = 10.0
    request_seconds = 60.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Wait for a first request, but not for ever."""
        super().connection_made(transport)
        self._expect(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; where they are the beginning of something, its end must come."""
        super().data_received(data)
        # While the pause between two requests lasts, uvicorn bounds it.
        if self._deadline is None and not (self._answering or self.timeout_keep_alive_task):
            self._expect(self.header_seconds)

    def on_headers_complete(self) -> None:
        """Wait for the body now."""
        self._expect(self.request_seconds)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for nothing: the request is here."""
        self._expect(None)
        super().on_message_complete()

    @property
    def _answering(self) -> bool:
        # uvicorn declares the cycle as always there, but it is None before the first request.
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _expect(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        late = None if seconds is None else self.loop.call_later(seconds, self._give_up)
        self._deadline = late

    def _give_up(self) -> None:
        self._deadline = None
        if not self._answering or not self.cycle.response_started:
            self.transport.write(_TOO_SLOW)
        self.transport.close()
