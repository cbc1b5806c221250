"""Run the application in uvicorn, with bounds on what a connection may take."""

from __future__ import annotations

import gc
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from web.api.answered_at_once import AtOnceProtocol

__all__ = ["BelowPrefix", "run_server"]

_DRAIN_SECONDS = 10
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


def run_server(app: Starlette, listener: socket.socket, *, root_path: str = "") -> bool:
    """Serve until SIGINT or SIGTERM, then let what is under way end; tell whether it ever served.

    Args:
        app: the application.
        listener: a socket that listens.
        root_path: the prefix under which a proxy shows the application.
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
    server = uvicorn.Server(config)
    # What was loaded stays for good: no collection needs to look at it again.
    gc.freeze()
    server.run(sockets=[listener])
    return server.started
