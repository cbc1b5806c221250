"""Producers elsewhere, and servers that die, come back and answer late: nothing lost or twice."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ledger import LogReader, RunContext
from ledger.remote.leftovers import send_leftovers
from ledger.remote.remote_log import RemoteLog
from tests.automation.waiting import wait_until
from tests.ledger.examples import event_id, run_ended, run_started
from tests.ledger.interleaving import die, in_fork
from tests.web.posting import EVENTS, sent_start
from tests.web.serving import GENEROUS, Server, eventually, new_ledger, serving

_BEGIN = """
import sys
from ledger import RunContext
from ledger.remote.remote_log import RemoteLog
log = RemoteLog(sys.argv[1], spool=sys.argv[2], lease_seconds=0.5)
run = RunContext.start(log, pipeline="nightly", run_id="leased")
print("begun", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an empty ledger."""
    return new_ledger(tmp_path / "runs")


def port_of(server: Server) -> int:
    """Give the port of a server, for another to take it over."""
    return int(server.url.rpartition(":")[2])


class Producer(threading.Thread):
    """Posts one run after another, the same bytes again until they are acknowledged.

    Attributes:
        acknowledged: the position of each event that there was an answer for, by its id.
    """

    def __init__(self, url: str, number: int) -> None:
        super().__init__()
        self.acknowledged: dict[str, int] = {}
        self.enough = threading.Event()
        self._url = url
        self._number = number

    def run(self) -> None:
        """Post until it is enough; then to the end of what was begun."""
        count = 0
        with httpx2.Client(trust_env=False, timeout=2.0) as client:
            while not self.enough.is_set():
                count += 1
                number = self._number * 1_000_000 + count
                self._post(client, sent_start(f"run-{number}", number))

    def _post(self, client: httpx2.Client, event: dict[str, Any]) -> None:
        deadline = time.monotonic() + GENEROUS
        while time.monotonic() < deadline:
            try:
                answer = client.post(self._url + EVENTS, json=event)
            except httpx2.TransportError:
                time.sleep(0.01)
                continue
            assert answer.status_code == 200, answer.text
            [receipt] = answer.json()["receipts"]
            self.acknowledged[receipt["event_id"]] = receipt["position"]
            return
        raise AssertionError("it was never acknowledged")


def kill_rounds(folder: Path, rounds: int, seed: int) -> int:
    """Kill the server of two producers at random moments; give how much was acknowledged."""
    draw = random.Random(seed)
    producers: list[Producer] = []
    port = 0
    for _ in range(rounds):
        with serving(folder, port=port) as server:
            port = port_of(server)
            if not producers:
                producers = [Producer(server.url, number) for number in (1, 2)]
                for producer in producers:
                    producer.start()
            before = [len(producer.acknowledged) for producer in producers]
            eventually(lambda: all(map(_has_more, producers, before)))  # noqa: B023 - called in here
            time.sleep(draw.uniform(0, 0.1))
            server.process.kill()
    with serving(folder, port=port):
        for producer in producers:
            producer.enough.set()
        for producer in producers:
            producer.join()
    lying = {event.event_id: event.position for event in LogReader(folder).read(1)}
    lines = list(LogReader(folder).read(1))
    assert len(lines) == len(lying)
    for producer in producers:
        for told, position in producer.acknowledged.items():
            assert lying[told] == position
    return sum(len(producer.acknowledged) for producer in producers)


def _has_more(producer: Producer, before: int) -> bool:
    return len(producer.acknowledged) > before


def test_what_was_acknowledged_is_there_once(folder: Path) -> None:
    """Two producers, and a server that is killed while it takes their events."""
    assert kill_rounds(folder, 1, seed=1) > 2
    assert event_id(1) == "00000000-0000-4000-8000-000000000001"


@pytest.mark.faults
def test_what_was_acknowledged_is_there_once_however_often(folder: Path) -> None:
    """The same, again and again."""
    assert kill_rounds(folder, 20, seed=2) > 40


def test_a_server_that_answers_late_dies_and_comes_back(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run ends well meanwhile; later its events are in the ledger, in order, each once."""
    spools = tmp_path / "spools"
    with serving(folder) as server:
        port = port_of(server)
        log = RemoteLog(server.url, spool=spools, timeout=0.3, patience=0.1)
        run = RunContext.start(log, pipeline="nightly", run_id="r")
        run.annotate("before")
        eventually(lambda: len(list(LogReader(folder).read_run("r"))) == 2)
        server.process.send_signal(signal.SIGSTOP)
        run.annotate("late")
        # Given up and sent again, while the first try still lies with the server.
        wait_until(lambda: "is away" in caplog.text, "the answer was given up")
        server.process.send_signal(signal.SIGCONT)
        eventually(lambda: len(list(LogReader(folder).read_run("r"))) == 3)
        server.process.kill()
        server.process.wait(GENEROUS)
    run.annotate("away")
    run.end("success")
    with serving(folder, port=port):
        eventually(lambda: not list(send_leftovers(spools)) and not _spooled(spools))

    notes = [getattr(event.data, "note", event.type) for event in LogReader(folder).read_run("r")]
    assert notes == ["run_started", "before", "late", "away", "run_ended"]


def _spooled(spools: Path) -> list[Path]:
    return [path for path in spools.rglob("*.jsonl") if path.is_file()]


@pytest.fixture
def leased(tmp_path: Path, folder: Path) -> Iterator[tuple[Server, subprocess.Popen[str]]]:
    """Serve the ledger, and have another process record a run there by a short lease."""
    with serving(folder) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, server.url, str(tmp_path / "spools")],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "begun\n"
                yield server, process
            finally:
                process.kill()


def test_a_writer_elsewhere_that_falls_silent_is_told(
    folder: Path, leased: tuple[Server, subprocess.Popen[str]]
) -> None:
    """While it is there its lease is kept without an event; when it is gone, the lease runs out."""
    server, process = leased
    lease = folder / "leases" / "leased"
    eventually(lease.exists)
    assert [run["liveness"] for run in server.runs()] == ["live"]
    first = json.loads(lease.read_bytes())
    eventually(lambda: json.loads(lease.read_bytes()) != first)
    assert len(list(LogReader(folder).read_run("leased"))) == 1

    process.kill()

    eventually(lambda: server.runs()[0]["result"] == "failed")
    *_, last = LogReader(folder).read_run("leased")
    assert last.type == "run_abandoned"


def test_a_writer_that_died_while_its_ledger_was_away_is_told_too(
    folder: Path, tmp_path: Path
) -> None:
    """Whoever sends what it has left knows that it is gone, and that its run has no end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    spools, url = tmp_path / "spools", f"http://127.0.0.1:{port}"

    def begin_and_die() -> None:
        # On another machine, so that nobody can look for its process.
        log = RemoteLog(url, spool=spools)
        for event in (run_started("ended"), run_ended("ended"), run_started("killed")):
            if event.data.type == "run_started":
                log.hold_run(str(event.run_id))
            log.append(event)
        die()

    assert in_fork(begin_and_die) == -signal.SIGKILL
    with serving(folder, port=port) as server:
        eventually(lambda: server.runs() == [])
        assert [one.problem for one in send_leftovers(spools)] == [None, None]
        eventually(lambda: len(server.runs()) == 2 and server.runs()[0]["result"] == "failed")

    assert [event.type for event in LogReader(folder).read_run("killed")][1:] == ["run_abandoned"]
    assert [event.type for event in LogReader(folder).read_run("ended")][1:] == ["run_ended"]
