"""Appending over HTTP, against a bare ASGI app that does no more than write, sync and answer.

32 connections of ``wrk`` post one event at a time; each is answered once it is on disk. The bare
app collects what arrives during a sync and writes it with the next, as the ledger does, and knows
nothing of events. Both run in a server of their own, by turns, with the same client.

Run: ``python -m benchmarks.ingest [folder]``. Needs ``wrk``, a package of Debian.
"""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.measuring import report
from ledger import EventLog, NewEvent
from ledger.events import RunStarted
from ledger.line.codec import encode_body
from ledger.remote.sent_event import as_sent
from ledger.writers.machine import this_writer

CONNECTIONS = 32
SECONDS = 4
ROUNDS = 5

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
    while waiting:
        group, waiting = waiting, []
        await asyncio.get_running_loop().run_in_executor(pool, write, group)
        for _, future in group:
            future.set_result(None)
    busy = False

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    global busy
    body = (await receive())["body"]
    future = asyncio.get_running_loop().create_future()
    waiting.append((body, future))
    if not busy:
        busy = True
        # What else has arrived by now goes along: without it, each is a group of its own.
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(commit()))
    await future
    answer = b"x" * 230
    headers = [(b"content-length", b"230")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})

uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
"""

_POSTS = """
local count = 0
function init(arguments)
  tag = arguments[1]
end
function request()
  count = count + 1
  local body = string.format(
    '{"event_id":"%s-0000-4000-8000-%012x","run_id":"run-%s-%d","type":"run_annotated",'
    .. '"data":{"metadata":{"rows":%d},"actor":"me"}}', tag, count, tag, count % CONNECTIONS, count)
  local headers = {["Content-Type"] = "application/json"}
  return wrk.format("POST", "/api/pipeline/events", headers, body)
end
""".replace("CONNECTIONS", str(CONNECTIONS))


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


def start_runs(port: int, tag: str) -> None:
    """Begin a run for each connection."""
    for number in range(CONNECTIONS):
        data = RunStarted(pipeline="nightly", writer=this_writer())
        body = as_sent(encode_body(NewEvent(data, f"run-{tag}-{number}")))
        url = f"http://127.0.0.1:{port}/api/pipeline/events"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).close()


def measure(port: int, script: Path, seconds: int = SECONDS) -> tuple[float, float]:
    """Give the rate, and the milliseconds in which 99 of 100 were answered."""
    tag = uuid.uuid4().hex[:8]
    start_runs(port, tag)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    command += [f"http://127.0.0.1:{port}", "--", tag]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said)
    assert rate
    assert late
    return float(rate[1]), float(late[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[late[2]]


def main() -> None:
    """Measure both by turns, in a folder on the disk in question."""
    if shutil.which("wrk") is None:
        report("skipped: this benchmark needs wrk (apt-get install wrk)")
        return
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        EventLog.open(folder / "runs").close()
        script = folder / "post.lua"
        script.write_text(_POSTS)
        with served(_OURS, folder / "runs") as ours, served(_BARE, folder / "bare") as bare:
            for port in (ours, bare):
                measure(port, script, 1)
            rounds = [(measure(ours, script), measure(bare, script)) for _ in range(ROUNDS)]
    rate = statistics.median(mine[0] for mine, _ in rounds)
    ratio = statistics.median(mine[0] / plain[0] for mine, plain in rounds)
    late = statistics.median(mine[1] for mine, _ in rounds)
    report(
        f"one durable event a request, {CONNECTIONS} connections: {rate:,.0f}/s,"
        f" p99 {late:.1f} ms: {ratio:.2f} of a bare app"
        f" ({statistics.median(plain[0] for _, plain in rounds):,.0f}/s)"
    )


if __name__ == "__main__":
    main()
