"""Run the application in uvicorn, with bounds on what a connection may take."""

from __future__ import annotations

import gc
import socket

import uvicorn
from starlette.types import ASGIApp

from web.safety.deadlines import DeadlineProtocol

__all__ = ["run_server"]

_DRAIN_SECONDS = 10
_CONNECTIONS = 1000


def run_server(app: ASGIApp, listener: socket.socket, *, root_path: str = "") -> bool:
    """Serve until SIGINT or SIGTERM, then let what is under way end; tell whether it ever served.

    Args:
        app: the application.
        listener: a socket that listens.
        root_path: the prefix under which a proxy shows the application.
    """
    config = uvicorn.Config(
        app,
        http=DeadlineProtocol,
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
