"""A sync that failed: its segment is never synced again, by anyone, and nothing is lost by that."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from ledger import EventLog, LogReader
from ledger.disk.mark import write_poison
from ledger.writers.machine import boot_id
from tests.ledger.damage import copy_of, cut, last_segment, set_mark
from tests.ledger.examples import acknowledgement, one_run, run_annotated
from tests.ledger.processes import finish, needs_strace, start
from tests.ledger.witness import assert_whole, mark_of, raw_lines, segments_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a log of a durable run and, behind the mark, of four lines that no sync confirmed."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append_batch(one_run("r"))
        place = mark_of(folder)
        log.append(acknowledgement("one"))
        log.append_batch([acknowledgement("two"), acknowledgement("three")])
        log.append(acknowledgement("four"))
    set_mark(folder, *place)
    return folder


def poison(folder: Path, segment: int = 1) -> None:
    """Note a segment as one whose sync failed, as the process does that saw it fail."""
    with (folder / "lock").open("r+b") as lock:
        write_poison(lock.fileno(), segment, boot_id())


def poisoned(folder: Path) -> int | None:
    """Read which segment is noted, as a person would."""
    words = (folder / "lock").read_bytes()[128:].split()
    return None if words[1:2] in ([], [b"-"]) else int(words[1])


def check_replaced(folder: Path, before: list[bytes]) -> list[dict[str, Any]]:
    """Show that no line was changed, that all are durable, and that nothing is noted any more."""
    lines = assert_whole(folder)
    assert raw_lines(folder)[: len(before)] == before
    assert poisoned(folder) is None
    assert mark_of(folder)[2] == len(lines)
    return lines


def test_an_opener_copies_what_lies_above_the_mark(folder: Path) -> None:
    """The old segment ends at the mark; the new one holds the lines that were not confirmed."""
    before = raw_lines(folder)
    poison(folder)

    EventLog.open(folder).close()

    check_replaced(folder, before)
    assert [path.name for path in segments_of(folder)] == [
        "00000000000000000001.jsonl",
        "00000000000000000006.jsonl",
    ]
    assert segments_of(folder)[1].read_bytes().count(b"\n") == 4


def test_a_live_writer_copies_and_goes_on(folder: Path) -> None:
    """So does a writer that has the old segment open; its runs stay known to it."""
    with EventLog.open(folder) as log:
        log.append(run_annotated("r"))
        place = mark_of(folder)
        poison(folder)
        before = raw_lines(folder)
        again = log.append(acknowledgement("again"))
        assert log.append(run_annotated("r", "later")).sequence == 6

    assert again.position == len(before) + 1
    assert mark_of(folder) > place
    check_replaced(folder, before)


def test_another_live_writer_goes_on_in_the_copy(folder: Path) -> None:
    """A writer that did not make the copy finds it, also where the copy has the old name."""
    with EventLog.open(folder) as first, EventLog.open(folder) as second:
        for round_number in range(3):
            segment = mark_of(folder)[0]
            poison(folder, segment)
            first.append(acknowledgement(f"first {round_number}"))
            assert mark_of(folder)[0] > segment
            second.append(acknowledgement(f"second {round_number}"))
            first.append(acknowledgement("between"))

    assert len(segments_of(folder)) == 4
    check_replaced(folder, raw_lines(folder))


def test_a_poisoned_segment_without_a_durable_line_is_replaced_in_place(folder: Path) -> None:
    """Its copy begins at the same position, so it takes the same name."""
    with EventLog.open(folder) as first, EventLog.open(folder) as second:
        second.append(acknowledgement())
        before = raw_lines(folder)
        old = segments_of(folder)[0].stat().st_ino
        set_mark(folder, 1, 0, 0)
        poison(folder)

        first.append(acknowledgement("first"))
        second.append(acknowledgement("second"))

    (segment,) = segments_of(folder)
    assert segment.stat().st_ino != old
    assert len(check_replaced(folder, before)) == len(before) + 2


def test_a_poisoned_segment_in_a_log_without_a_mark_is_replaced(tmp_path: Path) -> None:
    """Where the very first sync failed there is no mark yet, and the same rule holds."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    old = segments_of(folder)[0].stat().st_ino
    before = raw_lines(folder)
    (folder / "lock").write_bytes(b"\x00" * 128)
    poison(folder)

    with EventLog.open(folder) as log:
        log.append(acknowledgement())

    assert segments_of(folder)[0].stat().st_ino != old
    check_replaced(folder, before)


def test_a_copy_that_failed_too_is_copied_again(folder: Path) -> None:
    """Where the sync of the new segment fails, it is that one which nobody syncs again."""
    before = raw_lines(folder)
    place = mark_of(folder)
    poison(folder)
    EventLog.open(folder).close()
    old = segments_of(folder)[1].stat().st_ino
    set_mark(folder, *place)
    poison(folder, 6)

    EventLog.open(folder).close()

    assert segments_of(folder)[1].stat().st_ino != old
    check_replaced(folder, before)


@pytest.mark.parametrize("left", ["the copy", "the copy and the cut", "all but the record"])
def test_a_crash_between_the_steps_of_a_replacement(folder: Path, left: str) -> None:
    """Whatever the one who replaced the segment had done when it died, the next one finishes."""
    before = raw_lines(folder)
    done = copy_of(folder, "done")
    poison(done)
    EventLog.open(done).close()
    copied = segments_of(done)[1].read_bytes()
    poison(folder)

    _, offset, _ = mark_of(folder)
    if left != "the copy":
        cut(folder, offset)
    (folder / "events" / segments_of(done)[1].name).write_bytes(copied)
    if left == "all but the record":
        set_mark(folder, *mark_of(done))

    with EventLog.open(folder) as log:
        log.append(acknowledgement("again"))
    check_replaced(folder, before)
    assert segments_of(folder)[0].stat().st_size == offset


def test_a_torn_tail_of_a_poisoned_segment_is_kept_aside(folder: Path) -> None:
    """The whole batches are copied; the torn rest goes to quarantine and is noted."""
    size = last_segment(folder).stat().st_size
    cut(folder, size - 10)
    before = raw_lines_before_tear(folder)
    poison(folder)

    EventLog.open(folder).close()

    lines = check_replaced(folder, before)
    assert lines[-1]["type"] == "ledger_recovered"
    (kept,) = (folder / "quarantine").iterdir()
    assert kept.name == lines[-1]["data"]["quarantine"]


def raw_lines_before_tear(folder: Path) -> list[bytes]:
    """Give the lines that end with a newline."""
    return last_segment(folder).read_bytes().split(b"\n")[:-1]


def test_a_reader_sees_nothing_of_it(folder: Path) -> None:
    """Before, during and after, readers see the log up to the mark, each position once."""
    reader = LogReader(folder)
    assert [event.position for event in reader.read()] == [1, 2, 3, 4, 5]
    poison(folder)
    assert [event.position for event in reader.read()] == [1, 2, 3, 4, 5]

    EventLog.open(folder).close()

    assert [event.position for event in reader.read()] == list(range(1, 10))
    assert [event.sequence for event in reader.read_run("r")] == [1, 2, 3, 4]


@needs_strace
def test_what_was_copied_is_cut_off_for_good(folder: Path, tmp_path: Path) -> None:
    """The cut is on disk before the mark moves: no power cut brings wrong bytes back below it."""
    trace = tmp_path / "calls"

    poison(folder)

    finish(start("append", folder, 1, trace=trace))

    calls = [line.split(" ", 1)[1].strip() for line in trace.read_text().splitlines()]
    old = [call for call in calls if "00000000000000000001.jsonl" in call]
    cut = next(place for place, call in enumerate(old) if call.startswith("ftruncate"))
    assert [call.partition("(")[0] for call in old[cut:]] == ["ftruncate", "fdatasync"]


@needs_strace
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_real_sync_that_fails_once(tmp_path: Path, number: int) -> None:
    """The caller learns that nothing is sure; appended again, the event is there exactly once."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append(acknowledgement())
    fault = f"fdatasync:error=EIO:when={number + 1}"

    said = [line.split() for line in finish(start("append_patiently", folder, 4, fault=fault))]

    errors = [words for words in said if words[0] == "error"]
    receipts = [words for words in said if words[0] == "receipt"]
    assert [words[1] for words in errors] == ["DurabilityUnknown"]
    assert [words[1] for words in receipts if words[3] == "True"] == [errors[0][2]]
    lines = check_replaced(folder, raw_lines(folder))
    assert [line["event_id"] for line in lines[2:]] == [words[1] for words in receipts]
    assert len(segments_of(folder)) == 2


@needs_strace
def test_a_second_process_does_not_sync_what_failed(tmp_path: Path) -> None:
    """Ended after its failed sync, a writer leaves the note; the next process heeds it."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    writer = start("append", folder, 5, fault="fdatasync:error=EIO:when=3+")
    said, complaints = writer.communicate()

    assert "DurabilityUnknown" in complaints
    assert poisoned(folder) == 1
    before = raw_lines(folder)
    EventLog.open(folder).close()

    lines = check_replaced(folder, before)
    assert set(said.split()) <= {line["event_id"] for line in lines}
    assert len(segments_of(folder)) == 2


@needs_strace
def test_a_failed_sync_that_cannot_be_noted(tmp_path: Path) -> None:
    """The process that saw it heeds it all the same: it never syncs that segment again."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    fault = "fdatasync:error=EIO:when=3 pwrite64:error=EIO:when=3"

    said = [line.split() for line in finish(start("append_patiently", folder, 4, fault=fault))]

    assert [words[1] for words in said if words[0] == "error"] == ["DurabilityUnknown"]
    receipts = [words[1] for words in said if words[0] == "receipt"]
    lines = check_replaced(folder, raw_lines(folder))
    assert [line["event_id"] for line in lines[1:]] == receipts
    assert len(segments_of(folder)) == 2


@needs_strace
def test_a_sync_that_fails_in_a_rotation(tmp_path: Path) -> None:
    """The segment that was to be sealed counts as poisoned, like any other whose sync failed."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, durability="process") as log:
        log.append(acknowledgement("x" * 300))
    fault = "fdatasync:error=EIO:when=4"

    said = finish(start("append_in_rooms", folder, 1500, fault=fault))

    lines = check_replaced(folder, raw_lines(folder))
    assert set(said) <= {line["event_id"] for line in lines}


@needs_strace
def test_a_disk_that_never_syncs_again_acknowledges_nothing(tmp_path: Path) -> None:
    """As long as every sync fails, every append says so, and the log stays readable."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()

    fault = "fdatasync,fsync:error=EIO:when=2+"
    writer = start("append_stubbornly", folder, 6, fault=fault)
    said = finish(writer)

    assert len(said) == 6
    assert {line.split()[0] for line in said} <= {"DurabilityUnknown", "AppendFailed"}
    assert [event.position for event in LogReader(folder).read()] == [1]
    EventLog.open(folder).close()
    assert_whole(folder)


def test_the_errors_of_a_disk_have_names() -> None:
    """The codes that the faults inject are those that the kernel gives."""
    assert (errno.EIO, errno.ENOSPC) == (5, 28)
