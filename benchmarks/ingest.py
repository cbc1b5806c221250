"""Appending over HTTP, against a bare ASGI app that does no more than write, sync and answer.

32 connections post one event at a time; each is answered once it is on disk. The bare app collects
what arrives during a sync and writes it with the next, as the ledger does, and knows nothing of
events. Both run in a server of their own, by turns, with the same client.

Run: ``python -m benchmarks.ingest [folder]``
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvloop

from benchmarks.measuring import report
from ledger import EventLog, NewEvent
from ledger.events import EventData, RunAnnotated, RunStarted
from ledger.line.codec import encode_body
from ledger.remote.sent_event import as_sent
from ledger.writers.machine import this_writer

CONNECTIONS = 32
EACH = 200
ROUNDS = 3

_OURS = """
import socket, sys
from app import create_app
from web.safety.admission import Admission
from web.server import run_server
app = create_app(sys.argv[2], admission=Admission(anonymous=frozenset({"read", "append"})))
run_server(app, socket.create_server(("127.0.0.1", int(sys.argv[1]))))
"""
_BARE = """
import asyncio, os, sys, uvicorn
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(1)
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
waiting, busy = [], False

def write(group):
    os.write(fd, b"".join(body for body, _ in group))
    os.fdatasync(fd)

async def commit():
    global waiting, busy
    busy = True
    while waiting:
        group, waiting = waiting, []
        await asyncio.get_running_loop().run_in_executor(pool, write, group)
        for _, future in group:
            future.set_result(None)
    busy = False

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    future = asyncio.get_running_loop().create_future()
    waiting.append((body, future))
    if not busy:
        asyncio.ensure_future(commit())
    await future
    answer = b"x" * 230
    headers = [(b"content-length", b"230")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})

uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
"""


@contextmanager
def served(program: str, path: Path) -> Iterator[int]:
    """Run a server in a process of its own; gives its port, once it listens there.

    It opens the port itself, so that nothing is asked of it before it listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-c", program, str(port), str(path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1]) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(port)


def requests_of(run_id: str, count: int) -> list[bytes]:
    """Give the requests of one connection: the start of a run, and remarks on it."""
    data: list[EventData] = [RunStarted(pipeline="nightly", writer=this_writer())]
    data += [RunAnnotated(metadata={"rows": number}, actor="me") for number in range(count - 1)]
    bodies = [as_sent(encode_body(NewEvent(one, run_id))) for one in data]
    head = (
        b"POST /api/pipeline/events HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    )
    return [head % (len(body), body) for body in bodies]


class _Connection(asyncio.Protocol):
    """Sends one request after the other, each when the last was answered."""

    def __init__(self, requests: list[bytes], done: asyncio.Future[None]) -> None:
        self.waits: list[float] = []
        self._requests = iter(requests)
        self._done = done
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(request)  # type: ignore[attr-defined] # of a TCP connection

    def data_received(self, data: bytes) -> None:
        # An answer is small, and comes whole or in a head and a body.
        if data.startswith(b"HTTP/1.1"):
            assert data.startswith(b"HTTP/1.1 200"), data
        if data.endswith((b"}", b"x")):
            self.waits.append(time.perf_counter() - self._sent)
            self._next()


async def _post(port: int, count: int) -> tuple[float, list[float]]:
    """Post from all connections at once; give the seconds, and those of each answer."""
    loop = asyncio.get_running_loop()
    tag = uuid.uuid4().hex[:8]
    loads = [requests_of(f"run-{tag}-{number}", count) for number in range(CONNECTIONS)]
    futures = [loop.create_future() for _ in loads]
    began = time.perf_counter()
    made = [
        await loop.create_connection(
            lambda load=load, done=done: _Connection(load, done),  # type: ignore[misc] # bound on purpose
            "127.0.0.1",
            port,
        )
        for load, done in zip(loads, futures, strict=True)
    ]
    await asyncio.gather(*futures)
    seconds = time.perf_counter() - began
    return seconds, [wait for _, protocol in made for wait in protocol.waits]


def measure(port: int, count: int = EACH) -> tuple[float, float]:
    """Give the rate, and the time in which 99 of 100 were answered."""
    seconds, waits = uvloop.run(_post(port, count))
    waits.sort()
    assert len(waits) == CONNECTIONS * count
    return len(waits) / seconds, waits[len(waits) * 99 // 100]


def main() -> None:
    """Measure both by turns, in a folder on the disk in question."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        EventLog.open(folder / "runs").close()
        with served(_OURS, folder / "runs") as ours, served(_BARE, folder / "bare") as bare:
            for port in (ours, bare):
                measure(port, 50)
            rounds = [(measure(ours), measure(bare)) for _ in range(ROUNDS)]
    rate = statistics.median(mine[0] for mine, _ in rounds)
    ratio = statistics.median(mine[0] / plain[0] for mine, plain in rounds)
    late = statistics.median(mine[1] for mine, _ in rounds)
    report(
        f"one durable event a request, {CONNECTIONS} connections: {rate:,.0f}/s,"
        f" p99 {late * 1000:.1f} ms: {ratio:.2f} of a bare app"
        f" ({statistics.median(plain[0] for _, plain in rounds):,.0f}/s)"
    )


if __name__ == "__main__":
    main()
