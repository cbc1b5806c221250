"""The API over HTTP, against a bare ASGI application on the same server that has the same bytes.

Run: ``python -m benchmarks.http [runs] [folder]`` (100,000 runs by default). Needs ``wrk``, a
package of Debian. Both servers stay up, and are asked in turn with 32 connections; a ratio is that
of one round. A folder that holds a log already is taken as it is, and gets new runs.
"""

from __future__ import annotations

import asyncio
import math
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.big_log import run_name
from benchmarks.listing import history_of
from benchmarks.measuring import report
from ledger import EventLog, RunContext
from projections import RunsFile

CONNECTIONS = 32
SECONDS = 4
ROUNDS = 3
LISTENERS = 100
APPENDS = 200
RATES = (200.0, 1_000.0, math.inf)
RUNS = "/api/pipeline/runs"

OURS = """
import socket, sys
from app import create_app
from web.server import run_server
run_server(create_app(sys.argv[2]), socket.socket(fileno=int(sys.argv[1])))
"""
# By the socket, as runfold serve does: by its number, uvicorn would take it for a local one, and
# leave Nagle's algorithm on.
_BARE = """
import socket, sys, uvicorn
status, body = int(sys.argv[2]), open(sys.argv[3], "rb").read()
headers = [(b"content-type", b"application/json")]
if body:
    headers.append((b"content-length", str(len(body)).encode()))
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send(dict(type="http.response.start", status=status, headers=headers))
        await send(dict(type="http.response.body", body=body))
config = uvicorn.Config(app, log_level="error", access_log=False)
uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
"""
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


class Load(NamedTuple):
    """What one round of wrk found: requests a second, and the 99th percentile in milliseconds."""

    rate: float
    p99: float


class Served(NamedTuple):
    """A server in a process of its own."""

    url: str
    process: subprocess.Popen[bytes]

    def memory(self) -> float:
        """Give the MB that it has in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def serving(program: str, *arguments: str) -> Iterator[Served]:
    """Serve until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = [sys.executable, "-c", program, str(number), *arguments]
        process = subprocess.Popen(command, pass_fds=[number])
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{url}/healthz", timeout=60).close()
        yield Served(url, process)
    finally:
        process.terminate()
        process.wait(30)


def fetch(url: str) -> tuple[bytes, str]:
    """Give the body at an address, and its tag."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read(), answer.headers.get("etag", "")


def load(url: str, *headers: str, seconds: int = SECONDS) -> Load:
    """Ask for one address as fast as it goes."""
    options = [part for header in headers for part in ("-H", header)]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *options, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate, p99 = (
        re.search(r"Requests/sec:\s+([\d.]+)", said),
        re.search(r"99%\s+([\d.]+)(\w+)", said),
    )
    assert rate
    assert p99
    assert "Non-2xx" not in said or "if-none-match" in "".join(headers)
    return Load(float(rate[1]), float(p99[1]) * _UNITS[p99[2]])


def compare(name: str, ours: Served, path: str, *headers: str) -> None:
    """Ask for a path, and a bare application for the same bytes, in turn."""
    body = b"" if headers else fetch(ours.url + path)[0]
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        with serving(_BARE, "304" if headers else "200", file.name) as bare:
            load(ours.url + path, *headers, seconds=1)
            rounds = [
                (load(ours.url + path, *headers), load(bare.url + path, *headers))
                for _ in range(ROUNDS)
            ]
    rate = statistics.median(one.rate for one, _ in rounds)
    p99 = statistics.median(one.p99 for one, _ in rounds)
    ratio = statistics.median(one.rate / other.rate for one, other in rounds)
    report(f"{name:36}{rate:12,.0f}/s{p99:10.2f} ms p99{ratio:8.2f} of bare")


@contextmanager
def appending(folder: Path, rate: float) -> Iterator[list[int]]:
    """Append events at a rate a second, or as many as go, until the end of the block; counts."""
    stop, count = threading.Event(), [0]

    def append() -> None:
        with EventLog.open(folder) as log:
            began = time.monotonic()
            while not stop.is_set():
                with RunContext.start(log, pipeline="nightly"):
                    count[0] += 2
                stop.wait(max(0.0, began + count[0] / rate - time.monotonic()))

    thread = threading.Thread(target=append)
    thread.start()
    try:
        yield count
    finally:
        stop.set()
        thread.join()


def while_moving(ours: Served, path: str, folder: Path, rate: float) -> None:
    """Ask for a list while events come: each that is made is at a position of its own."""
    with appending(folder, rate) as count:
        moving = load(ours.url + path)
    came = count[0] / SECONDS
    name = "list of 100 while events come"
    report(f"{name:36}{moving.rate:12,.0f}/s{moving.p99:10.2f} ms p99{came:10,.0f} events/s")


async def hear(url: str, heard: dict[int, list[float]], ready: asyncio.Semaphore) -> None:
    """Listen to the stream, and note when each position came."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /api/pipeline/stream HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    with closing(writer):
        is_first = True
        while line := await reader.readline():
            if line.startswith(b"id: "):
                heard.setdefault(int(line[4:]), []).append(time.perf_counter())
                if is_first:
                    ready.release()
                    is_first = False


async def listen(url: str, folder: Path) -> None:
    """Append events one by one, and report after how long all listeners have heard of each."""
    heard: dict[int, list[float]] = {}
    ready = asyncio.Semaphore(0)
    listeners = [asyncio.create_task(hear(url, heard, ready)) for _ in range(LISTENERS)]
    for _ in listeners:
        await ready.acquire()
    appended: dict[int, float] = {}

    def append() -> None:
        with EventLog.open(folder) as log, RunContext.start(log, pipeline="nightly") as run:
            for number in range(APPENDS):
                run.annotate(note=str(number))
                appended[log.position] = time.perf_counter()
                time.sleep(0.05)

    await asyncio.to_thread(append)
    await asyncio.sleep(0.5)
    for listener in listeners:
        listener.cancel()
    late = sorted(
        (at - appended[position]) * 1e3
        for position, times in heard.items()
        if position in appended
        for at in times
    )
    median, p99 = statistics.median(late), late[int(len(late) * 0.99)]
    report(f"{'append to SSE, 100 clients':36}{median:10.1f} ms median{p99:10.1f} ms p99")


def main() -> None:
    """Measure a log that is there, or one that is made and thrown away."""
    if shutil.which("wrk") is None:
        report("skipped: this benchmark needs wrk (apt-get install wrk)")
        return
    arguments = sys.argv[1:]
    runs = int(arguments[0]) if arguments else 100_000
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(scratch, "big")
        history_of(folder, runs).close()
        # A server does it too, while it answers; but once in the life of a log.
        RunsFile(folder).catch_up()
        with serving(OURS, str(folder)) as ours:
            listed, run = f"{RUNS}?limit=100", f"{RUNS}/{run_name(runs // 3)}"
            compare("list of 100", ours, listed)
            compare("one run", ours, run)
            compare("not modified", ours, listed, f"if-none-match: {fetch(ours.url + listed)[1]}")
            before = ours.memory()
            for rate in RATES:
                while_moving(ours, listed, folder, rate)
            asyncio.run(listen(ours.url, folder))
            report(f"{'memory':36}{before:10.0f} MB then{ours.memory():10.0f} MB")


if __name__ == "__main__":
    main()
