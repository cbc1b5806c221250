"""The turn to sync: who waits for it is served by whoever has it, and never moves the mark back."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger import EventLog
from ledger.errors import DurabilityUnknown
from tests.ledger.damage import last_segment, set_mark
from tests.ledger.examples import acknowledgement
from tests.ledger.processes import PATIENCE, finish, start
from tests.ledger.witness import assert_whole, mark_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a log of one line."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    return folder


@contextmanager
def turn_of(folder: Path) -> Iterator[None]:
    """Have the turn, as a process has it that syncs."""
    fd = os.open(folder / "events", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def test_who_waits_is_served_by_the_sync_of_another(folder: Path) -> None:
    """The mark passes what was written: it is acknowledged while the other still has the turn."""
    with EventLog.open(folder) as log, ThreadPoolExecutor(1) as pool:
        with turn_of(folder):
            size = last_segment(folder).stat().st_size
            waiting = pool.submit(log.append, acknowledgement())
            while last_segment(folder).stat().st_size == size:
                assert not waiting.done()
            set_mark(folder, 1, last_segment(folder).stat().st_size, 2)

            receipt = waiting.result(PATIENCE)

        assert (receipt.position, receipt.durable) == (2, True)


def test_a_mark_that_stops_short_serves_nobody(folder: Path) -> None:
    """One byte before the end of what was written is not enough."""
    with EventLog.open(folder) as log, ThreadPoolExecutor(1) as pool:
        with turn_of(folder):
            size = last_segment(folder).stat().st_size
            waiting = pool.submit(log.append, acknowledgement())
            while last_segment(folder).stat().st_size == size:
                assert not waiting.done()
            set_mark(folder, 1, last_segment(folder).stat().st_size - 1, 2)
            with pytest.raises(TimeoutError):
                waiting.result(0.05)

        assert waiting.result(PATIENCE).durable
    assert mark_of(folder) == (1, last_segment(folder).stat().st_size, 2)


def test_a_sync_takes_along_what_another_wrote(folder: Path) -> None:
    """What was written without a sync lies below the mark after the next sync of anyone."""
    with (
        EventLog.open(folder, durability="process") as lazy,
        EventLog.open(folder) as first,
        ThreadPoolExecutor(1) as pool,
    ):
        with turn_of(folder):
            size = last_segment(folder).stat().st_size
            waiting = pool.submit(first.append, acknowledgement())
            while last_segment(folder).stat().st_size == size:
                assert not waiting.done()
            assert lazy.append(acknowledgement()).position == 3
        assert waiting.result(PATIENCE).position == 2

        assert mark_of(folder) == (1, last_segment(folder).stat().st_size, 3)


def test_a_process_stopped_in_its_turn_is_named(folder: Path) -> None:
    """What was written is not acknowledged; appended again, it is found, and then it is durable."""
    event = acknowledgement()
    with EventLog.open(folder, lock_timeout=0.1) as log:
        with turn_of(folder), pytest.raises(DurabilityUnknown, match=f"process {os.getpid()}"):
            log.append(event)
        assert mark_of(folder)[2] == 1

        again = log.append(event)

    assert (again.position, again.durable, again.duplicate) == (2, True, True)
    assert len(assert_whole(folder)) == mark_of(folder)[2] == 2


def test_the_mark_never_moves_back(folder: Path) -> None:
    """However the syncs of four processes overtake each other, whoever looks sees it rise."""
    over = threading.Event()

    def watch() -> list[tuple[int, int, int]]:
        seen = []
        while not over.is_set():
            seen.append(mark_of(folder))
        return seen

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        said = [finish(writer) for writer in [start("append", folder, 60) for _ in range(4)]]
        over.set()
        seen = watching.result(PATIENCE)

    assert seen == sorted(seen)
    assert mark_of(folder)[2] == 1 + sum(map(len, said)) == len(assert_whole(folder))
