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
from ledger.disk.mark import write_poison
from ledger.errors import DurabilityUnknown
from ledger.writers.machine import boot_id
from tests.ledger.damage import cut, last_segment, set_mark
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.processes import PATIENCE, finish, running, say_of, start, tell
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


def test_a_fresh_run_appended_again_is_looked_for(folder: Path) -> None:
    """Once it was tried, a run that was promised to be new may lie in the log: it is found."""
    batch = one_run("r")
    with EventLog.open(folder, lock_timeout=0.1) as log:
        with turn_of(folder), pytest.raises(DurabilityUnknown):
            log.append_batch(batch, fresh_run=True)

        again = log.append_batch(batch, fresh_run=True)

    assert [(receipt.position, receipt.duplicate) for receipt in again] == [
        (position, True) for position in (2, 3, 4, 5)
    ]
    assert len(assert_whole(folder)) == 5


def test_what_was_copied_elsewhere_is_not_synced_where_it_was(folder: Path) -> None:
    """A segment was replaced, and the sync of its copy failed too: the old one confirms nothing."""
    event = acknowledgement()
    _, offset, position = mark_of(folder)
    with EventLog.open(folder) as log, ThreadPoolExecutor(1) as pool:
        with turn_of(folder):
            waiting = pool.submit(log.append, event)
            while last_segment(folder).stat().st_size == offset:
                assert not waiting.done()
            copied = last_segment(folder).read_bytes()[offset:]
            cut(folder, offset)
            log.folder.segment(position + 1).write_bytes(copied)
            with (folder / "lock").open("r+b") as lock:
                write_poison(lock.fileno(), position + 1, boot_id())
        with pytest.raises(DurabilityUnknown):
            waiting.result(PATIENCE)
        assert mark_of(folder) == (1, offset, position)

        again = log.append(event)

    assert (again.position, again.durable, again.duplicate) == (2, True, True)
    assert len(assert_whole(folder)) == mark_of(folder)[2] == 2


def test_a_write_that_failed_is_cut_off_in_its_turn(folder: Path) -> None:
    """While another syncs, what was written in part stays: the mark may be moved into it."""
    _, offset, _ = mark_of(folder)
    with running("append_two_in_room_for_one", folder) as writer:
        assert say_of(writer) == "opened"
        with turn_of(folder):
            tell(writer)
            while (size := last_segment(folder).stat().st_size) == offset:
                assert writer.poll() is None
            whole = last_segment(folder).read_bytes().rfind(b"\n") + 1
            assert offset < whole < size
            set_mark(folder, 1, whole, 2)
        said = finish(writer)

    assert said == ["DurabilityUnknown", "2 True", "4 False"]
    lines = assert_whole(folder)
    assert [line["type"] for line in lines[2:]] == ["ledger_recovered", "failure_acknowledged"]


def test_a_write_that_failed_leaves_nothing_once_it_had_its_turn(folder: Path) -> None:
    """Where nobody syncs, both batches of the group are rolled back, though one was whole."""
    said = finish(start("append_two_in_room_for_one", folder))

    assert said == ["opened", "AppendFailed", "2 False", "3 False"]
    assert len(assert_whole(folder)) == 3


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
