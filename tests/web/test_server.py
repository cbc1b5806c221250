"""The server: below the prefix of a proxy, as each kind of proxy asks, and how it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import create_app
from tests.ledger.interleaving import in_fork
from tests.web.serving import EVERYBODY, new_ledger, serving
from web.server import BelowPrefix, run_server


def test_a_proxy_may_take_its_prefix_off_or_leave_it(tmp_path: Path) -> None:
    """The same is served either way, by the server itself, and nothing below a longer name."""
    with serving(new_ledger(tmp_path / "runs"), root_path="/ledger") as server:
        for path in ("/api/pipeline/runs", "/ledger/api/pipeline/runs", "/", "/ledger/"):
            assert server.get(path).status_code == 200, path
        assert server.get("/ledger/ledger/").status_code == 404
        assert server.get("/ledgers/").status_code == 404


@pytest.mark.parametrize("prefix", ["/api", "/api/pipeline", "/ledger"])
def test_an_address_of_our_own_is_not_taken_for_a_prefix(tmp_path: Path, prefix: str) -> None:
    """Some of our addresses begin as a prefix may: they are found either way as well."""
    app = create_app(new_ledger(tmp_path), admission=EVERYBODY)
    below = BelowPrefix(app, prefix)

    # The server puts the prefix before what the proxy passed on.
    with TestClient(below, root_path=prefix) as client:
        for path in ("/api/pipeline/runs", "/runs", "/"):
            assert client.get(f"{prefix}{path}").status_code == 200
            assert client.get(f"{prefix}{prefix}{path}").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_takes_longer_keeps_no_server_from_ending(number: signal.Signals) -> None:
    """Upkeep of a large log may take an hour; what was acknowledged is on disk without it."""

    @asynccontextmanager
    async def stop_while_at_work(_app: Starlette) -> AsyncIterator[None]:
        os.kill(os.getpid(), number)
        yield
        await run_sync(threading.Event().wait)

    def serve() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            run_server(Starlette(lifespan=stop_while_at_work), listener, longest_stop=0.1)

    assert in_fork(serve) == 128 + number
