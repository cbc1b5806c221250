"""Runs whose process died: told once, by whoever looks, and never of the living."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from automation import Pipeline, PipelineOrchestrator, Stage
from automation.running.abandonment import record_abandoned_runs
from ledger import EventLog, NewEvent, RunContext
from ledger.events import RunAbandoned, RunEnded, RunStarted, WriterIdentity
from ledger.writers.leases import keep_lease
from ledger.writers.machine import this_writer
from ledger.writers.writer_lock import WriterLock
from projections import RunHistory, RunSummary
from tests.automation.waiting import wait_until

WRITER = """
import sys
from ledger import EventLog, RunContext

folder, run_id = sys.argv[1:]
with EventLog.open(folder) as log, RunContext.start(log, pipeline="p", run_id=run_id) as run:
    with run.stage("a"):
        print("begun", flush=True)
        sys.stdin.read()
"""


class Ledger:
    """A log and the view of it."""

    def __init__(self, folder: Path) -> None:
        """Open both."""
        self.folder = folder
        self.log = EventLog.open(folder)
        self.history = RunHistory(folder)

    def reap(self, *, listening_since: datetime | None = None) -> list[str]:
        """Record what is abandoned."""
        return record_abandoned_runs(
            self.log, self.history, detected_by="a test", listening_since=listening_since
        )

    def run(self, run_id: str) -> RunSummary:
        """Give a run that there is."""
        summary = self.history.get_run(run_id)
        assert summary is not None
        return summary

    def types(self, run_id: str) -> list[str]:
        """Give the types of a run's events."""
        return [event.type for event in self.log.read_run(run_id)]

    def start(self, run_id: str, writer: WriterIdentity) -> None:
        """Record the start of a run that somebody else records."""
        self.log.append(NewEvent(RunStarted(pipeline="p", writer=writer), run_id))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give a new log and its view."""
    made = Ledger(tmp_path / "runs")
    yield made
    made.history.close()
    made.log.close()


def start_writer(folder: Path, run_id: str) -> subprocess.Popen[str]:
    """Start a process that records a run, and wait until it is in its stage."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, folder, run_id],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process as the system does when memory runs out."""
    process.kill()
    process.communicate()


def test_a_killed_run_is_told_once(ledger: Ledger) -> None:
    """The evidence names host, process and last event; looking again finds nothing."""
    process = start_writer(ledger.folder, "killed")
    kill(process)

    assert ledger.run("killed").result is None
    assert ledger.reap() == ["killed"]
    assert ledger.reap() == []

    summary = ledger.run("killed")
    *_, last = ledger.log.read_run("killed")
    assert last.data == RunAbandoned(
        detected_by="a test", host=this_writer().host, pid=process.pid, last_sequence=2
    )
    assert summary.result == "failed"
    assert f"process {process.pid} on {this_writer().host}" in (summary.failure_reason or "")


def test_a_living_writer_is_left_alone(ledger: Ledger) -> None:
    """Neither a run of another process nor one of this process is touched while it goes on."""
    process = start_writer(ledger.folder, "alive")
    with RunContext.start(ledger.log, pipeline="p", run_id="mine"):
        assert ledger.reap() == []
        process.communicate("")
        assert ledger.reap() == []

    assert ledger.types("alive")[-1] == "run_ended"
    assert ledger.run("mine").result == "success"


def test_a_stopped_process_is_not_a_dead_one(ledger: Ledger) -> None:
    """A writer that does nothing for long is silent, and still there."""
    process = start_writer(ledger.folder, "paused")
    os.kill(process.pid, signal.SIGSTOP)
    try:
        assert ledger.reap() == []
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.communicate("")
    assert ledger.run("paused").result == "success"


def test_a_run_on_another_machine_is_left_alone(ledger: Ledger) -> None:
    """Of a writer elsewhere nothing can be known from here."""
    elsewhere = this_writer().model_copy(update={"machine_id": "another"})
    ledger.start("elsewhere", elsewhere)

    assert ledger.reap() == []


def test_a_run_before_the_last_boot_is_over(ledger: Ledger) -> None:
    """Though its process number may live again, nothing lives through a boot."""
    earlier = this_writer().model_copy(update={"boot_id": "an earlier boot"})
    ledger.start("earlier", earlier)

    assert ledger.reap() == ["earlier"]


def test_a_run_whose_lock_somebody_holds_is_left_alone(ledger: Ledger) -> None:
    """The lock decides, whatever the start of the run says."""
    gone = this_writer().model_copy(update={"boot_id": "an earlier boot"})
    ledger.start("held", gone)
    lock = WriterLock(ledger.log.folder, "held")

    assert ledger.reap() == []

    lock.release()
    assert ledger.reap() == ["held"]


def test_a_run_that_ended_is_left_alone(ledger: Ledger) -> None:
    """A view that has not caught up yet does not make a dead run of one that ended."""
    process = start_writer(ledger.folder, "ended")
    stale = ledger.history.running_runs()
    process.communicate("")

    assert [run.run_id for run in stale] == ["ended"]
    assert ledger.reap() == []
    assert ledger.types("ended")[-1] == "run_ended"


def test_many_may_look_at_once(ledger: Ledger) -> None:
    """However many look at the same time, each dead run is told exactly once."""
    names = [f"dead-{number}" for number in range(4)]
    for process in [start_writer(ledger.folder, name) for name in names]:
        kill(process)
    found: list[str] = []

    def look() -> None:
        other = Ledger(ledger.folder)
        found.extend(other.reap())
        other.history.close()
        other.log.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == names
    for name in names:
        assert ledger.types(name).count("run_abandoned") == 1


def test_the_next_run_tells_of_the_one_that_died(ledger: Ledger) -> None:
    """An orchestrator looks before it runs, and ``runs.jsonl`` has both runs."""
    kill(start_writer(ledger.folder, "killed"))

    with PipelineOrchestrator(ledger.folder) as orchestrator:
        orchestrator.run(Pipeline("p", stages=[Stage("a", lambda: None)]), run_id="next")

    lines = ledger.log.folder.runs_file.read_text().splitlines()
    assert [(json.loads(line)["run_id"], json.loads(line)["result"]) for line in lines] == [
        ("killed", "failed"),
        ("next", "success"),
    ]


def test_a_reader_that_only_looks_writes_nothing(ledger: Ledger) -> None:
    """The history presumes the run dead, and leaves it to others to say so in the log."""
    process = start_writer(ledger.folder, "killed")
    assert ledger.run("killed").liveness == "live"
    kill(process)
    before = ledger.log.position

    wait_until(lambda: ledger.run("killed").liveness == "presumed dead", "the lock is free")

    assert ledger.log.position == before


def test_a_run_whose_lease_ran_out_is_told_by_who_kept_it(ledger: Ledger) -> None:
    """Only who has listened for long enough can tell; a renewal or an event says otherwise."""
    elsewhere = this_writer().model_copy(update={"machine_id": "another"})
    ledger.start("leased", elsewhere)
    now, long_ago = datetime.now(UTC), datetime.now(UTC) - timedelta(hours=1)
    keep_lease(ledger.log.folder, "leased", now=long_ago, seconds=0.001)

    assert ledger.reap() == []
    assert ledger.reap(listening_since=now + timedelta(hours=1)) == []
    keep_lease(ledger.log.folder, "leased", now=now, seconds=3600)
    assert ledger.reap(listening_since=long_ago) == []
    keep_lease(ledger.log.folder, "leased", now=long_ago, seconds=0.001)
    assert ledger.reap(listening_since=long_ago) == ["leased"]
    assert ledger.reap(listening_since=long_ago) == []
    assert ledger.run("leased").result == "failed"

    ledger.log.append(NewEvent(RunEnded(result="success", elapsed_seconds=1), "leased"))
    assert ledger.run("leased").result == "success"


def test_a_lease_counts_more_than_the_machine(ledger: Ledger) -> None:
    """A container has the ids of its machine, and processes that are not seen from here."""
    ledger.start("contained", this_writer().model_copy(update={"boot_id": "unlike this one"}))
    keep_lease(ledger.log.folder, "contained", now=datetime.now(UTC))

    assert ledger.reap() == []
    assert ledger.run("contained").liveness == "live"
