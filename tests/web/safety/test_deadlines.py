"""Connections on which a request does not come to its end, on a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from threading import Thread

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from web.safety.deadlines import DeadlineProtocol

GENEROUS = 20.0
_FINE = b"HTTP/1.1 200 OK"


class Impatient(DeadlineProtocol):
    """Waits less long than the real one."""

    header_seconds = 0.2
    request_seconds = 0.4


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body only where the path asks for it, and answer slowly where it says so."""
    if scope["path"] == "/read":
        while (await receive()).get("more_body"):
            pass
    if scope["path"] == "/slow":
        await asyncio.sleep(1.0)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        _answer, http=Impatient, lifespan="off", log_level="critical", timeout_keep_alive=1
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(GENEROUS)


def said(port: int, data: bytes) -> bytes:
    """Send bytes, and give what comes back until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=GENEROUS) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(4096):
            received += part
    return received


@pytest.mark.parametrize("data", [b"", b"\r\n", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\nA: "])
def test_half_a_header_is_given_up(port: int, data: bytes) -> None:
    """Nothing, an empty line, or a part of a header: the server says that it took too long."""
    assert said(port, data).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("path", [b"/read", b"/"])
def test_half_a_body_is_given_up(port: int, path: bytes) -> None:
    """Whether the application reads it or has answered before."""
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
    received = said(port, head)
    assert (_FINE in received) == (path == b"/")
    assert b" 408 " in received


def test_half_a_second_request_is_given_up(port: int) -> None:
    """Whether it came along with the first one, or after its answer."""
    whole, half = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HT"
    assert said(port, whole + half).count(_FINE) == 1
    with socket.create_connection(("127.0.0.1", port), timeout=GENEROUS) as connection:
        connection.sendall(whole)
        assert connection.recv(4096).startswith(_FINE)
        connection.sendall(half)
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_slow_answer_is_nobodys_fault(port: int) -> None:
    """The deadlines are on requests; an answer may take longer than all of them."""
    asked = b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert said(port, asked).startswith(_FINE)
