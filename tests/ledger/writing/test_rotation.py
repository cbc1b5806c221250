"""Rotation: the log goes on in a new segment, and everybody notices by themselves."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from ledger import EventLog, LogReader, NewEvent
from ledger.errors import LedgerDamaged, LedgerReplaced, SequenceConflict
from ledger.events import FailureAcknowledged
from tests.faults.workshop import Workshop
from tests.ledger.damage import cut, lose_lock, set_mark
from tests.ledger.examples import (
    acknowledgement,
    one_run,
    run_annotated,
    run_ended,
    run_started,
    stage_completed,
    stage_started,
)
from tests.ledger.processes import finish, needs_strace, running, say_of, start
from tests.ledger.witness import assert_whole, mark_of, segments_of

SMALL = 2048


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a data folder that is not there yet."""
    return tmp_path / "runs"


def large(text: str = "x" * 900) -> NewEvent:
    """Give an event of which two fill a small segment."""
    return NewEvent(FailureAcknowledged(fingerprint="f", note=text, actor="a"))


def test_the_chain_goes_on_in_the_next_segment(folder: Path) -> None:
    """Segments are named by their first position, and each line refers to the one before it."""
    with EventLog.open(folder, segment_bytes=SMALL) as log:
        for _ in range(12):
            log.append_batch(one_run(f"run-{len(segments_of(folder))}-{log.position}"))

    lines = assert_whole(folder)
    assert len(lines) == 49
    assert len(segments_of(folder)) > 5
    segment, offset, position = mark_of(folder)
    assert segment == int(segments_of(folder)[-1].stem)
    assert (offset, position) == (segments_of(folder)[-1].stat().st_size, 49)


def test_a_segment_does_not_grow_beyond_its_size(folder: Path) -> None:
    """A segment is rotated before a batch would make it too large; a batch is never split."""
    with EventLog.open(folder, segment_bytes=SMALL) as log:
        for _ in range(20):
            log.append(acknowledgement())
        log.append_batch([acknowledgement() for _ in range(10)])
        log.append(acknowledgement())

    assert_whole(folder)
    sizes = [path.stat().st_size for path in segments_of(folder)]
    assert [size > SMALL for size in sizes].count(True) == 1
    assert sizes[-2] > SMALL


def test_another_writer_notices(folder: Path) -> None:
    """Two writers of one process each go on where the other one rotated."""
    with (
        EventLog.open(folder, segment_bytes=SMALL) as first,
        EventLog.open(folder, segment_bytes=SMALL) as second,
    ):
        for number, log in zip(range(30), itertools.cycle([first, second])):
            assert log.append(large(f"{number}" * 200)).position == number + 2

    assert_whole(folder)


def test_a_writer_of_other_sizes_joins_in(folder: Path) -> None:
    """Segment sizes are each writer's own; the log stays one."""
    with (
        EventLog.open(folder, segment_bytes=SMALL) as small,
        EventLog.open(folder, segment_bytes=3 * SMALL) as medium,
        EventLog.open(folder) as large_one,
    ):
        for _ in range(8):
            for log in (small, medium, large_one):
                log.append(large())

    assert len(assert_whole(folder)) == 25


def test_a_run_goes_on_through_segments(folder: Path) -> None:
    """Sequences, the lifecycle and known ids hold across segments, for every writer."""
    begin = run_started("r")
    with (
        EventLog.open(folder, segment_bytes=SMALL) as first,
        EventLog.open(folder, segment_bytes=SMALL) as second,
    ):
        first.append(begin)
        for number in range(1, 6):
            second.append(stage_started("r", f"stage-{number}"))
            second.append(large())
            first.append(stage_completed("r", f"stage-{number}"))
        with pytest.raises(SequenceConflict) as caught:
            second.append(run_ended("r"), expected_sequence=10)
        assert caught.value.actual == 11
        assert second.append(begin).duplicate
        assert second.append(run_ended("r"), expected_sequence=11).sequence == 12

    with EventLog.open(folder) as log:
        assert log.append(begin).duplicate
        assert log.append(run_annotated("r")).sequence == 13
        assert [event.sequence for event in log.read_run("r")] == list(range(1, 14))


def test_reopening_goes_on_in_the_newest_segment(folder: Path) -> None:
    """Each opening finds the end of the log, wherever it lies, with and without a mark."""
    for number in range(15):
        with EventLog.open(folder, segment_bytes=SMALL) as log:
            assert log.append(large()).position == number + 2
        if number % 4 == 3:
            lose_lock(folder)

    assert_whole(folder)


def test_a_mark_left_in_an_older_segment_is_moved_on(folder: Path) -> None:
    """After a power cut the mark may lag by segments; opening passes through them and syncs."""
    with EventLog.open(folder, segment_bytes=SMALL) as log:
        for _ in range(9):
            log.append(large())
    first = segments_of(folder)[0]
    size = len(first.read_bytes().split(b"\n")[0]) + 1

    for place in ((1, 0, 0), (1, size, 1)):
        set_mark(folder, *place)
        EventLog.open(folder).close()
        assert mark_of(folder)[2] == len(assert_whole(folder)) == 10


def test_a_torn_tail_in_the_newest_segment(folder: Path) -> None:
    """Recovery works the same where the torn batch is the first of its segment."""
    with EventLog.open(folder, segment_bytes=SMALL) as log:
        log.append(large())
        log.append(large())
        log.append_batch([large("half"), large()])
    newest = segments_of(folder)[-1]
    set_mark(folder, int(newest.stem), 0, int(newest.stem) - 1)
    cut(folder, 400)

    with EventLog.open(folder) as log:
        log.append(acknowledgement("again"))

    lines = assert_whole(folder)
    assert [line["type"] for line in lines[-2:]] == ["ledger_recovered", "failure_acknowledged"]
    assert lines[-2]["data"]["segment"] == newest.name
    assert lines[-2]["data"]["offset"] == 0


def test_a_new_segment_without_a_line_is_gone_on_with(folder: Path) -> None:
    """Whoever made it died before writing; an opener goes on in it, with and without a mark."""
    for lost in (False, True):
        with EventLog.open(folder) as log:
            position = log.append(large()).position
        empty = folder / "events" / f"{position + 1:020d}.jsonl"
        empty.write_bytes(b"")
        if lost:
            lose_lock(folder)

        with EventLog.open(folder) as log:
            assert log.append(acknowledgement()).position == position + 1

        assert empty.stat().st_size > 0
        assert_whole(folder)


def test_a_live_writer_notices_a_segment_whose_maker_died(folder: Path) -> None:
    """It goes on in the new segment, though the mark was never moved there."""
    with EventLog.open(folder) as log:
        position = log.append(large()).position
        (folder / "events" / f"{position + 1:020d}.jsonl").write_bytes(b"")
        log.append(acknowledgement("one"))
        log.append(acknowledgement("two"))

    EventLog.open(folder).close()
    assert len(segments_of(folder)) == 2
    assert len(assert_whole(folder)) == 4


def test_a_live_writer_notices_appends_and_a_rotation_that_were_not_marked(folder: Path) -> None:
    """Another writer appended, rotated and died before it could move the mark."""
    with EventLog.open(folder) as log:
        log.append(acknowledgement("before"))
        segment, offset, position = mark_of(folder)
        with EventLog.open(folder, segment_bytes=1) as other:
            other.append(acknowledgement("in a segment of its own"))
            other.append(acknowledgement("and another"))
        set_mark(folder, segment, offset, position)

        assert log.append(acknowledgement("after")).position == 5

    assert_whole(folder)


@needs_strace
@pytest.mark.parametrize(
    ("call", "count"), [("fdatasync", 12), ("fsync", 4), ("pwrite64", 9), ("write", 14)]
)
def test_a_kill_around_a_rotation(folder: Path, workshop: Workshop, call: str, count: int) -> None:
    """A writer killed at any sync, mark or write near a rotation leaves a log that goes on."""

    def end_at(number: int) -> int:
        there = folder.with_name(f"{call}-{number}")
        with EventLog.open(there) as live:
            fault = f"{call}:signal=SIGKILL:when={number}"
            job, code = workshop.run("append_some", there, "w", SMALL, 6, inject=[fault])
            live.append(acknowledgement("alive"))
        with EventLog.open(there, segment_bytes=SMALL) as again:
            again.append(acknowledgement("again"))

        found = {line["event_id"] for line in assert_whole(there)}
        assert set(job.acknowledged()) <= found
        return code

    codes = [end_at(number) for number in range(1, count + 1, 3)]
    assert any(codes)


def test_a_reader_notices_while_it_follows(folder: Path) -> None:
    """A follower crosses from segment to segment while another process makes them."""
    EventLog.open(folder).close()
    with running("append", folder, 60, SMALL):
        follower = LogReader(folder).follow(0, timeout=30)
        positions = [event.position for event in itertools.islice(follower, 61)]

    assert positions == list(range(1, 62))
    assert len(segments_of(folder)) > 5


def test_several_processes_rotate_at_once(folder: Path) -> None:
    """Whoever comes to the end first makes the next segment; nobody makes it twice."""
    writers = [start("append_batches", folder, 30, SMALL) for _ in range(3)]
    said = [run_id for writer in writers for run_id in finish(writer)]

    lines = assert_whole(folder)
    ended = [line["run_id"] for line in lines if line["type"] == "run_ended"]
    assert sorted(ended) == sorted(said)
    assert len(segments_of(folder)) > 30


def test_a_missing_segment_in_the_middle_is_named(folder: Path) -> None:
    """What lies before it can be read; then the error says which position is out of reach."""
    with EventLog.open(folder, segment_bytes=SMALL) as log:
        for _ in range(9):
            log.append(large())
    gone = segments_of(folder)[2]
    gone.unlink()

    read: list[int] = []
    with pytest.raises(LedgerDamaged) as caught:
        read.extend(event.position for event in LogReader(folder).read())

    assert caught.value.position >= int(gone.stem)
    behind = int(segments_of(folder)[-2].stem)
    assert [event.position for event in LogReader(folder).read(behind - 1)] == list(
        range(behind, 11)
    )


def test_a_reader_is_never_shown_what_is_not_synced(folder: Path) -> None:
    """A segment behind the mark is not read, whatever it holds."""
    with EventLog.open(folder) as log:
        log.append(acknowledgement())
        (folder / "events" / "00000000000000000003.jsonl").write_bytes(b"not yet\n")

        assert [event.position for event in log.read()] == [1, 2]


def test_the_name_of_a_file_that_is_no_segment_is_passed_over(folder: Path) -> None:
    """Other files in the folder of segments, like an editor's copy, are not the log."""
    with EventLog.open(folder) as log:
        for name in ("notes.txt", "1.jsonl", "00000000000000000009.jsonl~", ".swp"):
            (folder / "events" / name).write_text("anything")
        assert log.append(acknowledgement()).position == 2

    with running("append", folder, 1) as writer:
        assert say_of(writer)
    assert [event.position for event in LogReader(folder).read()] == [1, 2, 3]


def test_a_log_that_was_moved_goes_on_in_no_other_folder(folder: Path, tmp_path: Path) -> None:
    """What follows the last line of a segment is not put into the log that has taken its place."""
    moved = tmp_path / "moved"
    with EventLog.open(folder, segment_bytes=SMALL) as log:
        log.append(acknowledgement("of the log"))
        folder.rename(moved)
        with EventLog.open(folder) as other:
            other.append(acknowledgement("of another log"))
        names = segments_of(folder)

        log.append(acknowledgement("of the log"))
        for _ in range(2):
            with pytest.raises(LedgerReplaced, match="was moved while it was written"):
                log.append(large("x" * 1_500))

    assert segments_of(folder) == names
    assert len(assert_whole(folder)) == 2
    assert len(assert_whole(moved)) == 3
