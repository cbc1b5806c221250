"""Run the application in uvicorn, with bounds on what a connection may take."""

from __future__ import annotations

import gc
import logging
import os
import socket
import threading
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from web.api.answered_at_once import AtOnceProtocol

__all__ = ["BelowPrefix", "run_server"]

_logger = logging.getLogger("runfold.server")
_DRAIN_SECONDS = 10
_LONGEST_STOP = 15.0
_BY_SIGNAL = 128
_CONNECTIONS = 1000


class BelowPrefix:
    """Serves an application below the prefix of a proxy, whether the proxy takes it off or not.

    The server puts the prefix before each path that comes. Where it stood there already, it stands
    twice then, and is taken off once; but not where that is an address of the application itself,
    which may have one that begins like the prefix.
    """

    def __init__(self, app: Starlette, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, below the prefix once."""
        if scope["type"] == "http" and scope["path"].startswith(f"{self._prefix * 2}/"):
            matches = [route.matches(scope)[0] for route in self._app.routes]
            if all(match is Match.NONE for match in matches):
                scope = {**scope, "path": scope["path"].removeprefix(self._prefix)}
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """Ends in time once it was signalled to, whatever its threads are at."""

    def __init__(self, config: uvicorn.Config, longest_stop: float) -> None:
        super().__init__(config)
        # A thread cannot be ended from outside, and one may be building views for an hour.
        self._end = threading.Timer(longest_stop, self._end_at_once)
        self._end.daemon = True
        self._code = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note which signal it was: it tells how the process ends."""
        self._code = _BY_SIGNAL + sig
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to stop."""
        # Not where the signal is taken: that may be in the middle of the start of another thread.
        self._end.start()
        await super().shutdown(sockets)

    def has_ended(self) -> None:
        """Let the process go on."""
        self._end.cancel()

    def _end_at_once(self) -> None:
        _logger.warning("Ended in the middle of what takes longer, which begins anew next time")
        os._exit(self._code)


def run_server(
    app: Starlette,
    listener: socket.socket,
    *,
    root_path: str = "",
    longest_stop: float = _LONGEST_STOP,
) -> bool:
    """Serve until SIGINT or SIGTERM, then let what is under way end; tell whether it ever served.

    What has not ended in time is left as it is, as a crash would: nothing acknowledged is lost.

    Args:
        app: the application.
        listener: a socket that listens.
        root_path: the prefix under which a proxy shows the application.
        longest_stop: seconds from the signal to the end of the process, at the most.
    """
    config = uvicorn.Config(
        BelowPrefix(app, root_path) if root_path else app,
        http=AtOnceProtocol,
        ws="none",
        root_path=root_path,
        log_level="warning",
        access_log=False,
        limit_concurrency=_CONNECTIONS,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = _Server(config, longest_stop)
    # What was loaded stays for good: no collection needs to look at it again.
    gc.freeze()
    try:
        server.run(sockets=[listener])
    finally:
        server.has_ended()
    return server.started
