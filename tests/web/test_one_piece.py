"""Answers that are written in one piece, by a real server to a real socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from threading import Thread

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from web.api.answered_at_once import AtOnceProtocol

GENEROUS = 20.0
_MUCH = 3_000_000
_SEGMENTS_WITH_DATA = 152
"""Where Linux has the number of those that came in what it tells of a connection."""


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a word, in two parts with a pause between, or with much in small parts."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-word", b"head")]})
    if scope["path"] == "/much":
        for _ in range(_MUCH // 1_000):
            await send({"type": "http.response.body", "body": b"m" * 1_000, "more_body": True})
    if scope["path"] == "/pause":
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        # The request, and then that whoever asked is gone.
        await receive()
        await receive()
        return
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_answer, http=AtOnceProtocol, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(GENEROUS)


def connect(port: int) -> socket.socket:
    """Connect to the server."""
    return socket.create_connection(("127.0.0.1", port), timeout=GENEROUS)


def request(path: str, *, stays: bool = True) -> bytes:
    """Give a request as it is sent."""
    ending = b"" if stays else b"connection: close\r\n"
    return b"GET %b HTTP/1.1\r\nhost: x\r\n%b\r\n" % (path.encode(), ending)


def all_of(connection: socket.socket) -> bytes:
    """Read to the end of a connection."""
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def test_a_small_answer_comes_in_one_piece(port: int) -> None:
    """The head of an answer and its body are one packet."""
    with connect(port) as connection:
        for number in range(20):
            connection.sendall(request(f"/{number}"))
            assert connection.recv(1 << 16).endswith(b"/%d\r\n0\r\n\r\n" % number)
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    assert struct.unpack_from("I", told, _SEGMENTS_WITH_DATA) == (20,)


def test_a_part_does_not_wait_for_the_next(port: int) -> None:
    """What is written before a pause is read during it."""
    with connect(port) as connection:
        connection.sendall(request("/pause"))
        came = b""
        while b"first" not in came:
            came += connection.recv(1 << 16)
        assert b"x-word: head" in came


def test_much_comes_whole_and_in_order(port: int) -> None:
    """An answer larger than what is held back, in small parts, ends with the connection."""
    with connect(port) as connection:
        connection.sendall(request("/much", stays=False))
        came = all_of(connection)
    assert came.count(b"m" * 1_000) == _MUCH // 1_000
    assert came.endswith(b"/much\r\n0\r\n\r\n")


def test_answers_keep_the_order_of_their_requests(port: int) -> None:
    """Requests that come at once are answered one after the other, before the connection ends."""
    with connect(port) as connection:
        asked = [request(f"/{number}") for number in range(20)]
        connection.sendall(b"".join([*asked, request("/last", stays=False)]))
        came = all_of(connection)
    words = [b"/%d" % number for number in range(20)]
    places = [came.index(b"\r\n%b\r\n" % word) for word in [*words, b"/last"]]
    assert places == sorted(places)


def test_who_is_gone_is_no_trouble(port: int) -> None:
    """A server goes on that was answering somebody who left."""
    for _ in range(20):
        with connect(port) as connection:
            connection.sendall(request("/much"))
            connection.recv(100)
    with connect(port) as connection:
        connection.sendall(request("/after", stays=False))
        assert b"/after" in all_of(connection)
