"""What tests run in processes of their own. Imported by those, so it imports little itself."""

from __future__ import annotations

import os
import resource
import signal
import time
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from ledger import EventLog, LedgerError, LogReader, NewEvent, RunContext
from ledger.events import RunEnded, RunStarted, WriterIdentity
from projections import RunHistory, RunsFile
from projections.engine.projector import Projector

__all__ = [
    "append_runs",
    "catch_up_runs_file",
    "count_in_child",
    "count_within",
    "hold_run_open",
    "project",
    "read_on",
    "stand_still",
]

_WRITER = WriterIdentity(host="worker-1", machine_id="elsewhere", boot_id="a boot", pid=4711)


def project(folder: Path, batch: int) -> None:
    """Bring the read model up to the log, in transactions of ``batch`` events."""
    reader = LogReader(folder)
    Projector(reader, batch=batch).catch_up(reader.position)


def stand_still(folder: Path, said: Connection) -> None:
    """Take the turn to project, say so, and stop as Ctrl-Z would; project when told to go on."""
    reader = LogReader(folder)
    projector = Projector(reader)
    with projector._turn(lambda: False) as held:
        assert held
        said.send(os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)
    projector.catch_up(reader.position)


def catch_up_runs_file(folder: Path, times: int = 1) -> None:
    """Bring ``runs.jsonl`` up to the log, again and again."""
    for _ in range(times):
        RunsFile(folder).catch_up()


def append_runs(folder: Path, count: int, acknowledged: Synchronized[int], pause: float) -> None:
    """Append ended runs one by one, and count those that were acknowledged."""
    with EventLog.open(folder) as log:
        for number in range(count):
            run_id = f"run-{number:04d}"
            started = RunStarted(pipeline="nightly", writer=_WRITER)
            ended = RunEnded(result="success", elapsed_seconds=1.0)
            log.append_batch([NewEvent(started, run_id), NewEvent(ended, run_id)])
            acknowledged.value = number + 1
            time.sleep(pause)


def read_on(folder: Path, count: int, acknowledged: Synchronized[int], said: Connection) -> None:
    """Read until all runs are there; say how often a read missed what was acknowledged before."""
    missed = 0
    with RunHistory(folder) as history:
        seen = 0
        while seen < count:
            before = acknowledged.value
            page = history.runs_page(limit=count)
            seen = page.total or 0
            missed += seen < before or len(page.items) != seen or page.position != 2 * seen + 1
        said.send((missed, history.dump()))


def count_in_child(folder: Path, said: Connection) -> None:
    """Count the runs here and in a forked child, while a thread of this process is reading."""
    with RunHistory(folder) as history:
        here = history.get_run_count()
        with history._model._guard:
            child = os.fork()
            if not child:
                os._exit(history.get_run_count())
            _, status = os.waitpid(child, 0)
        said.send((here, os.waitstatus_to_exitcode(status), history.get_run_count()))


def count_within(folder: Path, most_bytes: int, said: Connection) -> None:
    """Count the runs where no file may grow beyond a size, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    with RunHistory(folder) as history:
        try:
            said.send(history.get_run_count())
        except LedgerError as error:
            said.send(repr(error))


def hold_run_open(folder: Path, run_id: str, said: Connection) -> None:
    """Start a run and stay in its first stage for ever."""
    with (
        EventLog.open(folder) as log,
        RunContext.start(log, pipeline="nightly", run_id=run_id) as run,
        run.stage("load"),
    ):
        said.send("started")
        time.sleep(3600)
