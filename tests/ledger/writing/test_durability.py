"""``durability="process"``: what it promises, and what its receipts admit."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import AppendFailed, DurabilityUnknown
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.processes import PATIENCE, finish, needs_strace, start, tell
from tests.ledger.witness import assert_whole, mark_of, segments_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a data folder that is not there yet."""
    return tmp_path / "runs"


def test_a_receipt_admits_that_it_is_not_durable(folder: Path) -> None:
    """The event lies in the log; that it survives a power cut is not promised."""
    with EventLog.open(folder, durability="process") as log:
        receipt = log.append(acknowledgement())

        assert (receipt.position, receipt.durable) == (2, False)


def test_a_sync_makes_it_durable(folder: Path) -> None:
    """After ``sync`` the mark is at the end, and the same event again has a durable receipt."""
    event = acknowledgement()
    with EventLog.open(folder, durability="process") as log:
        log.append(event)
        log.sync()

        assert mark_of(folder)[2] == log.position == 2
        again = log.append(event)
        assert (again.durable, again.duplicate) == (True, True)


def test_the_sync_comes_by_itself(folder: Path) -> None:
    """Nobody needs to ask: a follower sees the events once they are durable."""
    with EventLog.open(folder, durability="process") as log:
        log.append_batch(one_run("r"))
        follower = LogReader(folder).follow(1, timeout=60)

        assert [next(follower).position for _ in range(4)] == [2, 3, 4, 5]


@needs_strace
def test_a_sync_that_fails_in_the_background_is_made_good(folder: Path) -> None:
    """The lines are copied and synced elsewhere by the next look, without another append."""
    EventLog.open(folder).close()
    # Calls are counted by thread: this is the second sync in the background.
    writer = start("append_undurably_twice", folder, fault="fdatasync:error=EIO:when=2")
    follower = LogReader(folder).follow(1, timeout=PATIENCE)

    try:
        assert [event.position for event in islice(follower, 2)] == [2, 3]
    finally:
        tell(writer)
        finish(writer)

    assert len(segments_of(folder)) == 2
    assert_whole(folder)


def test_closing_syncs(folder: Path) -> None:
    """A log that was closed is durable up to its end."""
    with EventLog.open(folder, durability="process") as log:
        log.append_batch(one_run("r"))

    assert mark_of(folder)[2] == len(assert_whole(folder)) == 5


def test_a_sync_that_cannot_be_done_is_an_error_of_ours(folder: Path) -> None:
    """Whatever the disk says, ``sync`` and ``close`` say that it is not known what is on it."""
    log = EventLog.open(folder, durability="process")
    log.append(acknowledgement())
    events = log.folder.events
    aside = events.rename(folder / "aside")
    with pytest.raises(AppendFailed):
        log.append(acknowledgement())
    events.touch()

    with pytest.raises(DurabilityUnknown):
        log.sync()
    with pytest.raises(DurabilityUnknown):
        log.close()

    events.unlink()
    aside.rename(events)
    log.close()
    assert mark_of(folder)[2] == len(assert_whole(folder)) == 2


def test_a_durable_writer_makes_durable_what_lies_before(folder: Path) -> None:
    """The mark means everything up to it, whoever wrote it."""
    with (
        EventLog.open(folder, durability="process") as weak,
        EventLog.open(folder) as strong,
    ):
        weak.append(acknowledgement("weak"))
        assert strong.append(acknowledgement("strong")).durable

        assert [event.position for event in strong.read()] == [1, 2, 3]


def test_a_durable_duplicate_is_made_durable_first(folder: Path) -> None:
    """An event that another process left unsynced is synced before its receipt says durable."""
    event = acknowledgement()
    with EventLog.open(folder, durability="process") as weak:
        weak.append(event)
        with EventLog.open(folder) as strong:
            again = strong.append(event)
            assert (again.durable, again.duplicate) == (True, True)
            assert mark_of(folder)[2] >= again.position


def test_what_is_unsynced_is_kept_through_rotations(folder: Path) -> None:
    """Segments that fill up between two syncs are each synced when they are sealed."""
    with EventLog.open(folder, durability="process", segment_bytes=1024) as log:
        for _ in range(20):
            log.append(acknowledgement())

    assert mark_of(folder)[2] == len(assert_whole(folder)) == 21


def test_the_end_of_the_process_makes_nothing_undone(folder: Path) -> None:
    """A process that leaves without closing has its events in the log."""
    said = finish(start("append_and_leave", folder, 10))

    EventLog.open(folder).close()

    assert [line["event_id"] for line in assert_whole(folder)[1:]] == said
