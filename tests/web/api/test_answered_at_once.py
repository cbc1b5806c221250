"""What is kept is answered at once, as it is on the usual way, and nothing else is."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread

import anyio
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from ledger import EventLog, RunContext
from tests.ledger.examples import one_run
from tests.web.serving import GENEROUS, serving
from web.api.answered_at_once import AT_ONCE, AtOnce, AtOnceProtocol, Soon
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


def _written(said: bytes) -> Written:
    return Written(200, b"content-length: %d\r\n\r\n" % len(said), said)


def _known(scope: Scope) -> Written | Soon | None:
    """Keep one answer, which says what was asked for; two more are made, or turn out not to be."""
    match scope["path"]:
        case "/kept":
            return _written(f"at once {scope['query_string'].decode()}.".encode())
        case "/soon":
            return _later(_written(b"soon."))
        case "/never":
            return _later(None)
        case "/broken":
            raise ValueError(scope["path"])
    return None


def _later(written: Written | None) -> Soon:
    def make(done: Callable[[Written | None], None]) -> None:
        asyncio.get_running_loop().call_later(0.1, done, written)

    return make


ASKED: list[str] = []
"""What the application was asked for, by the query."""
GONE = Event()
"""Set when the application was told that a client is gone."""


async def _asked(request: Request) -> Response:
    ASKED.append(request.url.query)
    if request.url.path == "/until-gone":
        while (await request.receive())["type"] != "http.disconnect":
            pass
        GONE.set()
    if request.url.path == "/slow":
        await asyncio.sleep(float(request.url.query or 0.2))
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
    return re.findall(rb"(?:at once|soon|asked)[^.]*", answers)


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


def test_the_pause_between_requests_ends_with_the_next_one(port: int) -> None:
    """Though both came in one piece, and the first was answered before the second was read."""
    longer_than_the_pause = b"GET /slow?0.5 HTTP/1.1\r\n" + HOST + b"\r\n"

    assert bodies(said(port, KEPT + b"\r\n" + longer_than_the_pause)) == [b"at once ", b"asked"]


def test_what_is_made_is_answered_without_the_application(port: int) -> None:
    """Unless it turns out not to be had; the application is asked then, and nothing is lost."""
    plain = b"%b /%b HTTP/1.1\r\n" + HOST + b"\r\n"
    asked = [(b"GET", b"soon"), (b"GET", b"never"), (b"GET", b"kept"), (b"HEAD", b"soon")]

    answers = said(port, b"".join(plain % each for each in asked))

    # The later ones came while the first was waited for, and so are for the application.
    assert bodies(answers) == [b"soon", b"asked", b"asked"]
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert bodies(said(port, plain % (b"GET", b"never"))) == [b"asked"]


def test_for_who_is_gone_before_the_answer_is_there_nobody_is_asked(port: int) -> None:
    """Nor is anything written; others are answered."""
    asked = b"GET /%b HTTP/1.1\r\n" + HOST + b"\r\n"
    for path in (b"soon", b"never?gone") * 3:
        with socket.create_connection(("127.0.0.1", port), timeout=GENEROUS) as connection:
            connection.sendall(asked % path)

    assert bodies(said(port, asked % b"soon")) == [b"soon"]
    assert bodies(said(port, asked % b"never?there")) == [b"asked"]
    assert "there" in ASKED
    assert "gone" not in ASKED


def test_who_answers_is_told_that_nobody_hears_it(port: int) -> None:
    """Though more was asked for behind it, which nobody answers any more."""
    with socket.create_connection(("127.0.0.1", port), timeout=GENEROUS) as connection:
        connection.sendall(b"GET /until-gone HTTP/1.1\r\n" + HOST + b"\r\n" + KEPT + b"\r\n")

    assert GONE.wait(GENEROUS)


def test_a_server_that_ends_answers_who_waits() -> None:
    """The answer says that the connection ends with it, and it does."""
    listener = socket.create_server(("127.0.0.1", 0))
    waits = Event()

    def when_it_ends(done: Callable[[Written | None], None]) -> None:
        waits.set()
        if listener.fileno() < 0:
            done(_written(b"soon."))
        else:
            asyncio.get_running_loop().call_later(0.01, when_it_ends, done)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, object]]:
        yield {AT_ONCE: lambda _: when_it_ends}

    config = uvicorn.Config(Starlette(lifespan=lifespan), http=Impatient, log_level="critical")
    server = uvicorn.Server(config)
    address = listener.getsockname()
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with socket.create_connection(address, timeout=GENEROUS) as connection:
        connection.sendall(b"GET /soon HTTP/1.1\r\n" + HOST + b"\r\n")
        assert waits.wait(GENEROUS)
        server.should_exit = True
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    thread.join(GENEROUS)

    assert bodies(rest) == [b"soon"]
    assert b"connection: close\r\n" in rest


def test_who_comes_when_it_is_crowded_is_told_so() -> None:
    """A problem like others, that says when to come again, and ends the connection."""
    app = Starlette(routes=[Route("/{path}", _asked)], lifespan=_lifespan)
    listener = socket.create_server(("127.0.0.1", 0))
    # Its own connection counts, too.
    config = uvicorn.Config(app, http=AtOnceProtocol, log_level="critical", limit_concurrency=2)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    address = listener.getsockname()
    thread.start()
    with socket.create_connection(address, timeout=GENEROUS) as first:
        first.sendall(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n")
        answers = [
            said(address[1], b"GET /%b HTTP/1.1\r\n" % path + HOST + b"\r\n")
            for path in (b"other", b"soon")
        ]
        assert b"asked" in first.recv(65536)
    server.should_exit = True
    thread.join(GENEROUS)

    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1" in head
        assert json.loads(body)["type"] == "urn:runfold:problem:too-many-connections"


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
        b"GET /broken HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
)
def test_what_is_out_of_the_ordinary_takes_the_usual_way(port: int, request_: bytes) -> None:
    """With a body, on a connection that ends, or where it fails: it is for the application."""
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


def _at_once(kept: KeptAnswers) -> Callable[..., Written | Soon | None]:
    """Answer from what is kept those who ask by the name of the server, and nobody else."""
    admission = Admission(hosts=frozenset({b"ledger.example"}))
    guard = Guard(Starlette(), admission, cookie="session", position=lambda: 1)
    at_once = AtOnce(guard, kept)

    def asked(host: bytes = b"ledger.example", method: str = "GET") -> Written | Soon | None:
        headers = [(b"host", host)]
        return at_once({"method": method, "path": "/runs", "query_string": b"", "headers": headers})

    return asked


def test_the_guard_goes_before_what_is_kept() -> None:
    """Who would be refused gets nothing at once; nor does anybody what does not hold any more."""
    position = [1]
    kept = KeptAnswers(lambda: ViewState(position[0], ()))
    asked = _at_once(kept)

    async def make() -> Made:
        answer = EncodedAnswer(Answer(body=b"{}"), b"{}", {})
        return Made(answer, ViewState(position[0], ()), float("inf"))

    assert asked(b"ledger.example") is None
    anyio.run(kept.share, ("/runs", b""), make)
    found, head = asked(b"ledger.example"), asked(b"ledger.example", "HEAD")
    assert isinstance(found, Written)
    assert isinstance(head, Written)
    assert (found.body, head.body, found.head == head.head) == (b"{}", b"", True)
    assert asked(b"elsewhere.example") is None
    position[0] += 1
    assert asked(b"ledger.example") is None


def test_what_does_not_hold_any_more_is_made_anew_for_all() -> None:
    """Once for all who wait; who may not have it gets nothing, and a failure is for the others."""
    position = [1]
    kept = KeptAnswers(lambda: ViewState(position[0], ()))
    asked = _at_once(kept)
    makings: list[int] = []

    async def make() -> Made:
        makings.append(position[0])
        if position[0] == 3:
            raise ValueError("broken")
        body = b"%d" % position[0]
        answer = EncodedAnswer(Answer(body=body), body, {})
        return Made(answer, ViewState(position[0], ()), float("inf"), make)

    async def waited(count: int) -> list[Written | None]:
        found: list[asyncio.Future[Written | None]] = []
        for _ in range(count):
            soon = asked()
            assert callable(soon)
            found.append(asyncio.get_running_loop().create_future())
            soon(found[-1].set_result)
        async with asyncio.timeout(GENEROUS):
            return await asyncio.gather(*found)

    async def check() -> None:
        await kept.share(("/runs", b""), make)
        position[0] = 2
        assert asked(b"elsewhere.example") is None
        found = await waited(5)
        assert [one and one.body for one in found] == [b"2"] * 5
        assert isinstance(asked(), Written)
        position[0] = 3
        assert await waited(3) == [None] * 3
        # How it was made is forgotten with it: the next is for the application.
        assert asked() is None
        assert makings == [1, 2, 3]

    anyio.run(check)


def test_nobody_is_asked_for_an_answer_that_a_server_ends_without() -> None:
    """A making that takes longer than a server waits at its end is given up, and begun by none."""
    kept = KeptAnswers(lambda: ViewState(2, ()))
    guard = Guard(Starlette(), Admission(), cookie="session", position=lambda: 2)
    at_once = AtOnce(guard, kept)
    found: list[Written | None] = []

    async def take_long() -> Made:
        await asyncio.Event().wait()
        return await make_first()

    async def make_first() -> Made:
        answer = EncodedAnswer(Answer(body=b"{}"), b"{}", {})
        return Made(answer, ViewState(1, ()), float("inf"), take_long)

    async def check() -> None:
        await kept.share(("/runs", b""), make_first)
        soon = at_once({"method": "GET", "path": "/runs", "query_string": b"", "headers": []})
        assert callable(soon)
        soon(found.append)
        await asyncio.sleep(0)

    # What is left at its end is cancelled.
    asyncio.run(check())
    assert found == []


def test_what_is_made_anew_is_compressed_once_for_all() -> None:
    """And written as it was made, however far the log has come until it is compressed."""
    positions = count(1)
    kept = KeptAnswers(lambda: ViewState(next(positions), ()))
    guard = Guard(Starlette(), Admission(), cookie="session", position=lambda: 1)
    at_once = AtOnce(guard, kept)
    makings: list[bytes] = []

    async def make() -> Made:
        makings.append(b"%d" % len(makings) * 2_000)
        answer = EncodedAnswer(Answer(body=makings[-1]), makings[-1], {})
        return Made(answer, ViewState(0, ()), float("inf"), make)

    async def check() -> None:
        await kept.share(("/runs", b""), make)
        found: list[asyncio.Future[Written | None]] = []
        headers = [(b"accept-encoding", b"gzip")]
        asked = {"method": "GET", "path": "/runs", "query_string": b"", "headers": headers}
        for _ in range(3):
            soon = at_once(dict(asked))
            assert callable(soon)
            found.append(asyncio.get_running_loop().create_future())
            soon(found[-1].set_result)
        async with asyncio.timeout(GENEROUS):
            written = [one.body for one in await asyncio.gather(*found) if one]
        assert len(makings) == 2
        assert [gzip.decompress(body) for body in written] == [makings[1]] * 3
        assert written[0] is written[1] is written[2]

    anyio.run(check)


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


def test_whoever_asks_sees_what_was_acknowledged_before(tmp_path: Path) -> None:
    """Many who ask on, while events come: no answer is older than what its reader knew of."""
    folder = tmp_path / "runs"
    asked = b"GET " + RUNS + b" HTTP/1.1\r\n" + HOST + b"\r\n"

    async def ask(port: int, log: EventLog) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(10):
            # So that they ask at all moments of what others wait for.
            await asyncio.sleep(number % 5 / 1_000)
            known = log.position
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            position, length = (
                re.search(name + rb": (\d+)", head) for name in (b"position", b"content-length")
            )
            assert position
            assert length
            assert int(position[1]) >= known
            runs = json.loads(await reader.readexactly(int(length[1])))["runs"]
            assert not runs or runs[0]["last_position"] >= known
        writer.close()

    async def check(port: int, log: EventLog) -> None:
        asking = [asyncio.create_task(ask(port, log)) for _ in range(16)]
        while not all(task.done() for task in asking):
            await log.append_async(*one_run(f"run-{log.position}"))
        async with asyncio.timeout(GENEROUS):
            await asyncio.gather(*asking)

    EventLog.open(folder).close()
    with serving(folder) as server, EventLog.open(folder) as log:
        asyncio.run(check(int(server.url.rpartition(":")[2]), log))
