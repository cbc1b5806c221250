"""Closing a log ends its writing: what comes after that is refused, and touches no file."""

from __future__ import annotations

import asyncio
import resource
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import AppendFailed, LedgerUnwritable
from tests.automation.waiting import wait_until
from tests.ledger.examples import run_started
from tests.ledger.interleaving import in_fork


def fail_once(log: EventLog) -> None:
    """Have an append fail, after which the log looks at its files anew."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    with pytest.raises(AppendFailed):
        log.append(run_started("r"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


async def close_with_one_queued(log: EventLog, others: list[Path]) -> None:
    """Close a log in which an append is queued; the numbers of its descriptors go to others."""
    appending = asyncio.ensure_future(log.append_async(run_started("r")))
    # It is queued by then, and led in the next turn of the loop.
    await asyncio.sleep(0)
    log.close()
    with ExitStack() as exits:
        for path in others:
            exits.enter_context(path.open("r+b"))
        with pytest.raises(LedgerUnwritable, match="closed"):
            await appending


def test_what_is_queued_when_the_log_is_closed_is_refused(tmp_path: Path) -> None:
    """No file that has the number of one of its descriptors by then is locked, or written to."""
    others = [tmp_path / f"{number}" for number in range(20)]
    for path in others:
        path.write_bytes(b"of somebody else")

    def close_and_go_on() -> None:
        log = EventLog.open(tmp_path / "runs")
        fail_once(log)
        asyncio.run(close_with_one_queued(log, others))

    assert in_fork(close_and_go_on) == 0
    assert {path.read_bytes() for path in others} == {b"of somebody else"}
    assert LogReader(tmp_path / "runs").position == 1


def waits(thread: threading.Thread) -> bool:
    """Tell whether a thread waits for its turn at the log, or has it."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and frame.f_code.co_name != "exclusively":
        frame = frame.f_back
    return frame is not None


def test_two_threads_that_close_a_log_at_once_close_it_once(tmp_path: Path) -> None:
    """The second finds nothing to close; it would be the files of somebody else."""
    log = EventLog.open(tmp_path / "runs")
    failed: list[BaseException] = []

    def close() -> None:
        try:
            log.close()
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=close) for _ in range(2)]

    def begin_to_close() -> None:
        for thread in threads:
            thread.start()
        wait_until(lambda: all(map(waits, threads)), "both wait for their turn")

    log._commits.exclusively(begin_to_close)
    for thread in threads:
        thread.join()

    assert failed == []
