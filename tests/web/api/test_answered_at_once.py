"""What is kept is answered at once, as it is on the usual way, and nothing else is."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import anyio
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from ledger import EventLog, RunContext
from tests.web.serving import GENEROUS, serving
from web.api.answered_at_once import AT_ONCE, AtOnce, AtOnceProtocol
from web.api.encoded_answer import EncodedAnswer, Written
from web.api.endpoint import Answer
from web.api.kept_answers import KeptAnswers, Made
from web.api.served_ledger import ViewState
from web.safety.admission import Admission
from web.safety.guard import Guard

HOST = b"Host: ledger.example\r\n"
RUNS = b"/api/pipeline/runs"
KEPT = b"GET /kept HTTP/1.1\r\n" + HOST


class Impatient(AtOnceProtocol):
    """Waits less long for the rest of a request, and for another one, than the real one."""

    header_seconds = 0.1

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Wait for a first request."""
        super().connection_made(transport)
        self.timeout_keep_alive = 0.3  # type: ignore[assignment]  # whole seconds are too long here


def _known(scope: Scope) -> Written | None:
    """Keep one answer, which says what was asked for."""
    if scope["path"] != "/kept":
        return None
    said = f"at once {scope['query_string'].decode()}.".encode()
    return Written(200, b"content-length: %d\r\n\r\n" % len(said), said)


async def _asked(request: Request) -> Response:
    if request.url.path == "/slow":
        await asyncio.sleep(0.2)
    return PlainTextResponse("asked.")


@asynccontextmanager
async def _lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, object]]:
    yield {AT_ONCE: _known}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve on a free port."""
    app = Starlette(routes=[Route("/{path}", _asked, methods=["GET", "POST"])], lifespan=_lifespan)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=Impatient, log_level="critical")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(GENEROUS)


def said(port: int, data: bytes) -> bytes:
    """Send bytes, and give all that comes back until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=GENEROUS) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def bodies(answers: bytes) -> list[bytes]:
    """Give what was said in each answer."""
    return re.findall(rb"(?:at once|asked)[^.]*", answers)


def test_what_is_kept_is_answered_before_anybody_is_asked(port: int) -> None:
    """Its query is told apart, and the application is asked for all else."""
    plain = b"GET /%b HTTP/1.1\r\n" + HOST + b"\r\n"

    answers = said(port, b"".join(plain % path for path in (b"kept", b"kept?limit=1", b"other")))

    assert bodies(answers) == [b"at once ", b"at once limit=1", b"asked"]
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == answers.lower().count(b"\r\ndate: ") == 3


def test_answers_keep_the_order_of_their_requests(port: int) -> None:
    """None comes before one that was asked for earlier, and takes longer."""
    slow = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"

    answers = said(port, KEPT + b"\r\n" + slow + KEPT + b"\r\n" + slow)

    assert [body.split()[0] for body in bodies(answers)] == [b"at", b"asked", b"asked", b"asked"]


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /kept HTTP/1.1\r\n" + HOST + b"content-length: 0\r\n\r\n",
        KEPT + b"content-length: 2\r\n\r\nab",
        KEPT + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        KEPT + b"connection: close\r\n\r\n",
        KEPT + b"expect: 100-continue\r\n\r\n",
        b"GET /%6bept HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /kept HTTP/1.0\r\n" + HOST + b"\r\n",
    ],
)
def test_what_is_out_of_the_ordinary_takes_the_usual_way(port: int, request_: bytes) -> None:
    """A request with a body, or on a connection that ends, is for the application."""
    (body,) = bodies(said(port, request_))

    assert body.startswith(b"asked")


def test_a_request_must_come_to_its_end_behind_one_that_was_answered(port: int) -> None:
    """What was begun is waited for; a pause between two requests ends a connection silently."""
    assert bodies(said(port, KEPT + b"\r\n")) == [b"at once "]
    with socket.create_connection(("127.0.0.1", port), timeout=GENEROUS) as connection:
        connection.sendall(KEPT + b"\r\n")
        assert b"at once" in connection.recv(65536)
        connection.sendall(b"GET /ke")
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
        assert connection.recv(65536) == b""


def test_the_guard_goes_before_what_is_kept() -> None:
    """Who would be refused gets nothing at once; nor does anybody what does not hold any more."""
    position = [1]
    kept = KeptAnswers(lambda: ViewState(position[0], ()))
    admission = Admission(hosts=frozenset({b"ledger.example"}))
    guard = Guard(Starlette(), admission, cookie="session", position=lambda: position[0])
    at_once = AtOnce(guard, kept)

    async def make() -> Made:
        answer = EncodedAnswer(Answer(body=b"{}"), b"{}", {})
        return Made(answer, ViewState(position[0], ()), float("inf"))

    def asked(host: bytes, method: str = "GET") -> Written | None:
        headers = [(b"host", host)]
        return at_once({"method": method, "path": "/runs", "query_string": b"", "headers": headers})

    assert asked(b"ledger.example") is None
    anyio.run(kept.share, ("/runs", b""), make)
    found, head = asked(b"ledger.example"), asked(b"ledger.example", "HEAD")
    assert found is not None
    assert head is not None
    assert (found.body, head.body, found.head == head.head) == (b"{}", b"", True)
    assert asked(b"elsewhere.example") is None
    position[0] += 1
    assert asked(b"ledger.example") is None


def test_both_ways_say_the_same(tmp_path: Path) -> None:
    """Made, kept or known already: to the byte, but for the time of day; until the log grows."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        for _ in range(3):
            RunContext.start(log, pipeline="nightly").end("success")
    with serving(folder) as server, EventLog.open(folder) as log:
        port = int(server.url.rpartition(":")[2])

        def answers(method: bytes, more: bytes) -> list[bytes]:
            asked = method + b" " + RUNS + b" HTTP/1.1\r\n" + HOST + more
            # The last of them ends the connection, and so takes the usual way.
            whole = said(port, 2 * (asked + b"\r\n") + asked + b"connection: close\r\n\r\n")
            plain = re.sub(rb"\r\n(?:date|connection): [^\r]*", b"", whole)
            return re.split(rb"(?=HTTP/1\.1 )", plain)[1:]

        made = answers(b"GET", b"")
        tag = re.search(rb"etag: ([^\r]*)", made[0])
        assert tag is not None
        forms = [
            made,
            answers(b"HEAD", b""),
            answers(b"GET", b"accept-encoding: gzip\r\n"),
            answers(b"GET", b"if-none-match: " + tag[1] + b"\r\n"),
        ]
        assert [form[0].split()[1] for form in forms] == [b"200", b"200", b"200", b"304"]
        for form in forms:
            assert len(form) == 3
            assert form[0] == form[1] == form[2]
        RunContext.start(log, pipeline="nightly").end("success")
        (newer, *_) = answers(b"GET", b"if-none-match: " + tag[1] + b"\r\n")
        assert newer.startswith(b"HTTP/1.1 200")
