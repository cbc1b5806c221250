"""Real servers on free loopback ports, and other processes that record runs for them to find."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx2

from automation.access.server_access import ServerAccess
from automation.access.token_store import TokenStore
from ledger import EventLog
from web.safety.admission import Admission

__all__ = [
    "EVERYBODY",
    "GENEROUS",
    "Event",
    "Server",
    "admission",
    "can_give_up_privileges",
    "dying_run",
    "events",
    "eventually",
    "new_ledger",
    "record_elsewhere",
    "serving",
]

EVERYBODY = Admission(anonymous=frozenset({"read", "append", "admin"}))
"""Lets everybody do everything, for tests of what is done."""
GENEROUS = 30.0
"""Seconds that nothing here takes, unless it hangs."""

_ROOT = Path(__file__).parents[2]
# Nothing here is encrypted, and to read all certificates takes longer than to answer.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_SERVE = """
import socket, sys
from app import create_app
from tests.web.serving import admission
from web.server import run_server
number, root_path, *named = sys.argv[1:]
app = create_app(named[0], admission=admission(*named), upkeep_interval=0.2, heartbeat=0.2)
run_server(app, socket.socket(fileno=int(number)), root_path=root_path)
"""
_RECORD = """
import sys
from ledger import EventLog, RunContext
with EventLog.open(sys.argv[1]) as log, RunContext.start(log, pipeline=sys.argv[2]) as run:
    with run.stage("translator"):
        print(run.run_id)
"""
_BEGIN = """
import sys
from ledger import EventLog, RunContext
run = RunContext.start(EventLog.open(sys.argv[1]), pipeline="nightly")
run.stage("translator").__enter__()
print(run.run_id, flush=True)
sys.stdin.read()
"""
# Root writes wherever it likes unless it gives these up.
_UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


@dataclass
class Server:
    """A server in a process of its own."""

    url: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """Ask the server, past any proxy."""
        with httpx2.Client(trust_env=False, timeout=GENEROUS, verify=_NO_TLS) as client:
            return client.get(self.url + path, **options)

    def runs(self) -> list[dict[str, Any]]:
        """List the runs."""
        runs: list[dict[str, Any]] = self.get("/api/pipeline/runs").json()["runs"]
        return runs

    @contextmanager
    def listening(self, last_event_id: str | None = None) -> Iterator[Iterator[str]]:
        """Open the event stream, as a client does that comes back; gives its lines."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        with self.opened("/api/pipeline/stream", headers) as lines:
            yield lines

    @contextmanager
    def opened(
        self, path: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[Iterator[str]]:
        """Open an answer that may have no end; gives its lines."""
        with (
            httpx2.Client(trust_env=False, timeout=GENEROUS, verify=_NO_TLS) as client,
            client.stream("GET", f"{self.url}{path}", headers=headers) as answer,
        ):
            yield answer.iter_lines()

    def stop(self) -> int:
        """Ask the server to stop, and wait until it has."""
        self.process.terminate()
        return self.process.wait(GENEROUS)

    def said(self) -> str:
        """Give what the server has written to its standard error."""
        self.errors.seek(0)
        return self.errors.read().decode()


def events(lines: Iterator[str]) -> Iterator[Event]:
    """Put the lines of a stream together to events; comments are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif "data" in fields:
            yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}


@contextmanager
def serving(
    folder: Path,
    *,
    port: int = 0,
    privileged: bool = True,
    tokens: Path | None = None,
    root_path: str = "",
) -> Iterator[Server]:
    """Serve a folder in another process until the end of the block; to tokens, if there are any."""
    named = [] if tokens is None else [str(tokens)]
    before: Sequence[str] = () if privileged or os.geteuid() else _UNPRIVILEGED
    with tempfile.TemporaryFile() as errors, socket.create_server(("127.0.0.1", port)) as listener:
        number = listener.fileno()
        process = subprocess.Popen(
            [*before, sys.executable, "-c", _SERVE, str(number), root_path, str(folder), *named],
            cwd=_ROOT,
            pass_fds=[number],
            stderr=errors,
            env={**os.environ, "XDG_CACHE_HOME": str(folder.parent / "cache")},
        )
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.close()
        try:
            yield Server(address, process, errors)
        finally:
            process.kill()
            process.wait(GENEROUS)


def admission(folder: str, tokens: str | None = None) -> Admission:
    """Let in whom the file of tokens names; everybody, where there is none."""
    if tokens is None:
        return EVERYBODY
    store = TokenStore(Path(tokens), data_folder=Path(folder))
    return Admission(access=ServerAccess(store), anonymous=frozenset())


def can_give_up_privileges() -> bool:
    """Tell whether a server can be made that may not write everywhere."""
    return os.geteuid() != 0 or shutil.which(_UNPRIVILEGED[0]) is not None


def new_ledger(folder: Path) -> Path:
    """Make an empty ledger."""
    EventLog.open(folder).close()
    return folder


def record_elsewhere(folder: Path, pipeline: str = "nightly") -> str:
    """Have another process record a run; gives its id."""
    command = [sys.executable, "-c", _RECORD, str(folder), pipeline]
    done = subprocess.run(
        command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=GENEROUS
    )
    return done.stdout.strip()


@contextmanager
def dying_run(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Have another process begin a run and then wait, to be killed; gives the run id as well."""
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGIN, str(folder)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def eventually(ask: Callable[[], T]) -> T:
    """Ask until the answer is one that counts as true."""
    deadline = time.monotonic() + GENEROUS
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return answer
