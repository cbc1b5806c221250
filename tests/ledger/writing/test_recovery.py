"""What a crash leaves behind: a torn tail is kept aside and cut, damage is refused untouched."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger import EventLog, LogReader
from ledger.errors import AppendFailed, LedgerDamaged, LedgerError, LedgerReplaced
from tests.faults.workshop import Workshop
from tests.ledger.damage import copy_of, cut, flip, last_segment, lose_lock, set_mark
from tests.ledger.examples import acknowledgement, one_run, run_started, stage_started
from tests.ledger.processes import finish, needs_strace, running, say_of, start
from tests.ledger.witness import assert_whole, mark_of, raw_lines, snapshot

SEGMENT = "00000000000000000001.jsonl"

MarkLoss = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a log of an acknowledged line, a line, a batch of two and a line.

    Everything behind the first two positions counts as written and never marked durable.
    """
    folder = tmp_path / "whole"
    with EventLog.open(folder) as log:
        log.append(acknowledgement("acknowledged"))
        log.append(acknowledgement())
        log.append_batch([acknowledgement("half"), acknowledgement("other half")])
        log.append(acknowledgement("last"))
    return folder


def ends(folder: Path) -> list[int]:
    """Give the byte after each line of a log of one segment, by position."""
    total, found = 0, [0]
    for line in raw_lines(folder):
        total += len(line) + 1
        found.append(total)
    return found


def put_mark_back(folder: Path) -> None:
    """Take the mark back to position 2, whose line stays."""
    set_mark(folder, 1, ends(folder)[2], 2)


def put_mark_to_the_start(folder: Path) -> None:
    """Take the mark back to where it is before the first sync of a segment."""
    set_mark(folder, 1, 0, 0)


LOSSES = [put_mark_back, put_mark_to_the_start, lose_lock]


def reopened(
    folder: Path, notes: Sequence[str] = ("again", "and again")
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Open, append, reopen and append again; give the lines as they are and the recoveries."""
    for note in notes:
        with EventLog.open(folder) as log:
            receipt = log.append(acknowledgement(note))
            assert mark_of(folder)[2] == receipt.position == log.position
    lines = assert_whole(folder)
    assert [event.line for event in LogReader(folder).read()] == raw_lines(folder)
    return lines, [line["data"] for line in lines if line["type"] == "ledger_recovered"]


def check_quarantine(folder: Path, torn: bytes, recovered: Sequence[dict[str, Any]]) -> None:
    """Show that the torn bytes lie in quarantine, whole, under the name that the log tells."""
    kept = list((folder / "quarantine").iterdir())
    if not torn:
        assert (kept, recovered) == ([], [])
        return
    (said,) = recovered
    assert said["cut_bytes"] == len(torn)
    assert said["sha256"] == hashlib.sha256(torn).hexdigest()
    assert (folder / "quarantine" / said["quarantine"]).read_bytes() == torn
    assert said["reason"]


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: str(lose.__name__))
def test_a_cut_at_any_byte_above_the_mark(tmp_path: Path, lose: MarkLoss) -> None:
    """Whole batches are kept, the rest goes to quarantine, and the log goes on from there."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append(acknowledgement("acknowledged"))
        log.append_batch([acknowledgement("half"), acknowledgement("other half")])
    places, lines = ends(folder), raw_lines(folder)
    data = last_segment(folder).read_bytes()
    lose(folder)
    lock = (folder / "lock").read_bytes() if lose is not lose_lock else b""
    # Where a line begins and ends each byte tells; between, one is like the others.
    edge = 40 if lose is put_mark_back else 1
    near = {at + shift for at in places[2:] for shift in range(-edge, edge + 1)}
    sizes = near | set(range(places[2], len(data), 13))

    for size in sorted(size for size in sizes if places[2] <= size <= len(data)):
        last_segment(folder).write_bytes(data[:size])
        (folder / "lock").write_bytes(lock)
        shutil.rmtree(folder / "quarantine")
        (folder / "quarantine").mkdir()
        kept = 4 if size == len(data) else 2

        after, recovered = reopened(folder, ["again"])

        check_quarantine(folder, data[places[kept] : size], recovered)
        assert raw_lines(folder)[:kept] == lines[:kept]
        assert len(after) == kept + bool(recovered) + 1


TAILS = {
    "one NUL": b"\x00",
    "many NULs": b"\x00" * 5000,
    "garbage": b"\xde\xad\xbe\xef",
    "garbage with newline": b"garbage\n",
    "garbage lines": b"more\nand more\n\n\nand more",
    "newline": b"\n",
    "empty object": b"{}\n",
    "wrong crc": b'{"position":7,"prev":"","data":{},"crc":"00000000"}\n',
    "NULs and newline": b"\x00" * 100 + b"\n" + b"\x00" * 100,
    "long": b"x" * 200_000,
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize(
    "lose", [None, *LOSSES], ids=lambda lose: getattr(lose, "__name__", "kept")
)
def test_a_tail_that_is_no_line_is_cut(folder: Path, tail: bytes, lose: MarkLoss | None) -> None:
    """NUL runs, garbage and half lines after the last line go to quarantine, whatever the mark."""
    before = raw_lines(folder)
    if lose is not None:
        lose(folder)
    with last_segment(folder).open("ab") as file:
        file.write(tail)

    lines, recovered = reopened(folder)

    check_quarantine(folder, tail, recovered)
    assert raw_lines(folder)[: len(before)] == before
    assert len(lines) == len(before) + 3


def test_a_line_of_another_place_is_a_torn_tail(folder: Path) -> None:
    """A sound line that does not follow the one before it was not appended there."""
    last = raw_lines(folder)[-1]
    with last_segment(folder).open("ab") as file:
        file.write(last + b"\n")

    lines, recovered = reopened(folder)

    check_quarantine(folder, last + b"\n", recovered)
    assert "position is 6, expected 7" in recovered[0]["reason"]
    assert lines[-1]["position"] == 9


def test_a_live_writer_cuts_what_another_one_left(folder: Path) -> None:
    """No reopening is needed: whoever appends next finds the torn tail and says so."""
    with EventLog.open(folder) as log:
        log.append(acknowledgement("mine"))
        with last_segment(folder).open("ab") as file:
            file.write(b'{"position":8,"prev"')
        receipt = log.append(acknowledgement("mine too"))

    lines = assert_whole(folder)
    assert receipt.position == 9
    assert [line["type"] for line in lines[-2:]] == ["ledger_recovered", "failure_acknowledged"]
    check_quarantine(folder, b'{"position":8,"prev"', [lines[-2]["data"]])


def test_reading_shows_no_torn_tail(folder: Path) -> None:
    """Readers stop at the mark, and without one at the last whole batch; they cut nothing."""
    places = ends(folder)
    cut(folder, places[4])
    put_mark_back(folder)
    before = snapshot(folder)

    assert [event.position for event in LogReader(folder).read()] == [1, 2]
    assert snapshot(folder) == before

    lose_lock(folder)
    assert [event.position for event in LogReader(folder).read()] == [1, 2, 3]


def test_known_ids_stay_known_after_a_recovery(folder: Path) -> None:
    """An event of a run or of no run that was there before is still a duplicate afterwards."""
    remark, begin = acknowledgement("known before"), run_started("r")
    with EventLog.open(folder) as log:
        first = [log.append(remark), log.append(begin)]
    with last_segment(folder).open("ab") as file:
        file.write(b"torn")

    with EventLog.open(folder) as log:
        again = [log.append(remark), log.append(begin)]

    assert [receipt.position for receipt in again] == [receipt.position for receipt in first]
    assert all(receipt.duplicate for receipt in again)


def test_a_cut_that_was_not_noted_is_noted_by_the_next(folder: Path) -> None:
    """Ended between the cut and the line that says so, the next opener still says so."""
    torn = b"torn bytes"
    with last_segment(folder).open("ab") as file:
        file.write(torn)
    copy = copy_of(folder, "cut")
    EventLog.open(copy).close()
    (quarantined,) = (copy / "quarantine").iterdir()
    # What a kill right after the truncation leaves: the bytes aside, the tail cut, no line yet.
    (folder / "quarantine" / quarantined.name).write_bytes(torn)
    cut(folder, last_segment(folder).stat().st_size - len(torn))

    lines, recovered = reopened(folder)

    check_quarantine(folder, torn, recovered)
    assert len(lines) == 9


@needs_strace
@pytest.mark.parametrize("call", ["write", "fsync", "ftruncate", "fdatasync", "pwrite64"])
def test_a_kill_at_any_step_of_a_recovery(folder: Path, workshop: Workshop, call: str) -> None:
    """However often an opener is killed while it recovers, the next one finishes its work."""
    torn = b"torn bytes"
    before = raw_lines(folder)
    with last_segment(folder).open("ab") as file:
        file.write(torn)

    for number in range(1, 5):
        copy = copy_of(folder, "killed")
        fault = f"{call}:signal=SIGKILL:when={number}"
        _, code = workshop.run("append_some", copy, "w", 1 << 26, 0, inject=[fault])
        if code == 0:
            break
        _, recovered = reopened(copy)
        check_quarantine(copy, torn, recovered)
        assert raw_lines(copy)[: len(before)] == before
    else:
        pytest.fail(f"{call} is called more often than this test believes")


def test_every_acknowledged_event_survives_a_kill(tmp_path: Path) -> None:
    """A writer is killed at random moments, again and again; what it said to have is there."""
    folder, moments = tmp_path / "runs", random.Random(20260115)
    acknowledged: set[str] = set()

    for _ in range(5):
        with running("append_batches", folder, 100_000, 50_000) as writer:
            for _ in range(moments.randrange(1, 60)):
                acknowledged.add(say_of(writer))
            writer.send_signal(signal.SIGKILL)
            rest, _ = writer.communicate()
        # The last line may be one that the process had no time to finish saying.
        acknowledged.update(rest.split("\n")[:-1])

    EventLog.open(folder).close()
    found = [line["run_id"] for line in assert_whole(folder) if line["type"] == "run_ended"]
    assert acknowledged <= set(found)
    assert len(acknowledged) > 100


def test_what_survived_a_kill_without_a_sync_is_kept(tmp_path: Path) -> None:
    """With ``durability="process"`` every receipt survives the death of the process."""
    folder = tmp_path / "runs"
    with running("append_undurably", folder, 50) as writer:
        said = [say_of(writer).split() for _ in range(50)]
        writer.send_signal(signal.SIGKILL)
        writer.wait()

    EventLog.open(folder).close()

    lines = assert_whole(folder)
    assert {line["event_id"] for line in lines[1:]} >= {event_id for event_id, _ in said}
    assert mark_of(folder)[2] == len(lines)


def lost_tail(folder: Path) -> None:
    """Lose the last 100 bytes that were durable."""
    cut(folder, last_segment(folder).stat().st_size - 100)


def lost_last_line(folder: Path) -> None:
    """Lose a whole line that was durable."""
    cut(folder, ends(folder)[5])


def lost_middle_line(folder: Path) -> None:
    """Lose a line before the last, all others sound."""
    lines = raw_lines(folder)
    last_segment(folder).write_bytes(b"\n".join([*lines[:2], *lines[3:], b""]))


def flipped_last_line(folder: Path) -> None:
    """Flip a bit of the line right below the mark."""
    flip(last_segment(folder), ends(folder)[5] + 300)


def zeroed_end(folder: Path) -> None:
    """Find NULs where the last line was, as after a lost block."""
    data = last_segment(folder).read_bytes()
    last_segment(folder).write_bytes(data[:-200] + b"\x00" * 200)


def emptied(folder: Path) -> None:
    """Find the segment empty."""
    cut(folder, 0)


def missing_segment(folder: Path) -> None:
    """Lose the segment file."""
    last_segment(folder).unlink()


def missing_events(folder: Path) -> None:
    """Lose the folder of all segments."""
    last_segment(folder).unlink()
    (folder / "events").rmdir()


DAMAGES = [
    lost_tail,
    lost_last_line,
    lost_middle_line,
    flipped_last_line,
    zeroed_end,
    emptied,
    missing_segment,
    missing_events,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: str(damage.__name__))
def test_damage_below_the_mark_refuses_to_open(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    """The error names segment, position and byte, and not a byte on disk is changed."""
    damage(folder)
    before = snapshot(folder)

    for _ in range(2):
        with pytest.raises(LedgerDamaged) as caught:
            EventLog.open(folder)
        assert caught.value.segment == SEGMENT
        assert caught.value.position in range(1, 7)
        assert caught.value.offset in range(ends_of_whole(before) + 1)
        assert caught.value.reason

    assert snapshot(folder) == before


def ends_of_whole(before: dict[str, bytes]) -> int:
    """Give where the durable mark stood."""
    return int(before["lock"].split()[2])


def test_a_flipped_byte_below_the_mark_is_named_where_it_is_read(folder: Path) -> None:
    """Opening looks only above the mark; reading checks each line it uses and names the place."""
    flip(last_segment(folder), ends(folder)[2] + 10)

    events = LogReader(folder).read()
    assert [next(events).position, next(events).position] == [1, 2]
    with pytest.raises(LedgerDamaged) as caught:
        next(events)

    assert (caught.value.position, caught.value.offset) == (3, ends(folder)[2])
    assert "crc is" in caught.value.reason


def test_what_is_sound_behind_damage_can_be_read(folder: Path) -> None:
    """A damaged line hides neither the ones before it nor the ones after it."""
    flip(last_segment(folder), ends(folder)[2] + 10)

    assert [event.position for event in LogReader(folder).read(3)] == [4, 5, 6]


@pytest.mark.parametrize("key", [b'"run_id":"r"', b'"position":', b'"crc":"', b'"data":{'])
def test_a_run_with_a_damaged_line_is_never_shown_shorter(tmp_path: Path, key: bytes) -> None:
    """Wherever in a run's line the damage lies, reading the run says so."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append_batch([run_started("r"), stage_started("r", "a"), stage_started("r", "b")])
    data = last_segment(folder).read_bytes()
    line = data.index(b'"stage":"a"')
    flip(last_segment(folder), data.rindex(key, 0, data.index(b"\n", line)) + len(key) - 1)

    with pytest.raises(LedgerDamaged):
        list(LogReader(folder).read_run("r"))


def test_without_a_mark_a_sound_line_behind_a_bad_one_means_damage(folder: Path) -> None:
    """The bad line was not the end when it was written, so nothing is cut."""
    flip(last_segment(folder), ends(folder)[2] + 10)
    lose_lock(folder)
    before = snapshot(folder)

    with pytest.raises(LedgerDamaged) as caught:
        EventLog.open(folder)

    assert caught.value.position == 3
    assert {name: data for name, data in snapshot(folder).items() if name != "lock"} == before


@pytest.mark.parametrize("offset", range(0, 110, 7))
def test_a_mark_that_cannot_be_trusted_is_no_mark(folder: Path, offset: int) -> None:
    """A damaged mark record is treated as a lost one: the log is checked and the mark made anew."""
    flip(folder / "lock", offset)

    EventLog.open(folder).close()

    assert mark_of(folder) == (1, last_segment(folder).stat().st_size, 6)


@pytest.mark.parametrize(
    ("segment", "offset", "position"),
    [(1, 10, 6), (1, 99_999, 6), (7, 0, 6), (1, -1, 6)],
    ids=["inside a line", "beyond the end", "no such segment", "another position"],
)
def test_a_mark_that_does_not_fit_refuses_to_open(
    folder: Path, segment: int, offset: int, position: int
) -> None:
    """A mark at a place where no line of its position ends is damage."""
    set_mark(folder, segment, ends(folder)[5] if offset < 0 else offset, position)
    before = snapshot(folder)

    with pytest.raises(LedgerDamaged) as caught:
        EventLog.open(folder)

    assert caught.value.position == position
    assert snapshot(folder) == before


def test_damage_under_a_live_writer_stops_it(folder: Path) -> None:
    """A writer that finds the end of the log otherwise than it left it appends nothing."""
    with EventLog.open(folder) as log:
        whole = last_segment(folder).read_bytes()
        cut(folder, len(whole) - 50)
        for _ in range(2):
            with pytest.raises((LedgerReplaced, LedgerDamaged)):
                log.append(acknowledgement())
        last_segment(folder).write_bytes(whole)
        assert log.append(acknowledgement()).position == 7

    assert_whole(folder)


def test_a_full_disk_rolls_the_batch_back_whole(tmp_path: Path) -> None:
    """At a file size limit the error names the cause, no part stays, and appends go on later."""
    folder = tmp_path / "runs"

    *said, error, position = finish(start("append_within", folder, 5000))

    lines = assert_whole(folder)
    assert error.startswith(AppendFailed.__name__)
    assert "file size limit" in error
    assert len(lines) == 1 + 3 * said.count("appended") + 1 == int(position)
    assert not list((folder / "quarantine").iterdir())


@needs_strace
@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EIO"])
def test_a_failed_write_is_rolled_back_and_named(tmp_path: Path, error: str) -> None:
    """Nothing of the batch stays, the cause is said, and the same event can be appended again."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()

    said = finish(start("append_patiently", folder, 3, fault=f"write:error={error}:when=1"))

    assert [line.split()[:2] for line in said] == [
        ["error", "AppendFailed"],
        ["receipt", said[0].split()[2]],
        ["receipt", said[2].split()[1]],
        ["receipt", said[3].split()[1]],
    ]
    assert len(assert_whole(folder)) == 4


def test_a_process_without_free_descriptors_gets_an_error_of_ours(tmp_path: Path) -> None:
    """When no file can be opened the append fails as one that wrote nothing, and works later."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append(run_started("r"))

    assert finish(start("append_without_files", folder, "r")) == ["AppendFailed", "2"]


def test_a_symlink_in_the_place_of_a_segment_is_not_followed(folder: Path) -> None:
    """Neither reader nor writer opens a file elsewhere by a link, and the error is ours."""
    segment = last_segment(folder)
    elsewhere = folder.parent / "elsewhere.jsonl"
    segment.rename(elsewhere)
    segment.symlink_to(elsewhere)
    before = elsewhere.read_bytes()

    with pytest.raises(LedgerError):
        EventLog.open(folder)
    with pytest.raises(LedgerError):
        list(LogReader(folder).read())

    assert elsewhere.read_bytes() == before


def test_many_torn_tails_one_after_the_other(folder: Path) -> None:
    """Each is kept under a name of its own, even two of the same bytes."""
    for _ in range(3):
        with last_segment(folder).open("ab") as file:
            file.write(b"same")
        EventLog.open(folder).close()

    lines = assert_whole(folder)
    names = [line["data"]["quarantine"] for line in lines if line["type"] == "ledger_recovered"]
    assert sorted(names) == sorted(path.name for path in (folder / "quarantine").iterdir())
    assert len(set(names)) == 3


def test_a_half_batch_is_taken_back_and_can_be_appended_again(tmp_path: Path) -> None:
    """The events of a batch that was torn are unknown afterwards, so the caller's retry writes."""
    folder = tmp_path / "runs"
    events = one_run("r")
    with EventLog.open(folder) as log:
        log.append_batch(events)
    places = ends(folder)
    set_mark(folder, 1, places[1], 1)
    cut(folder, places[4] + 5)

    with EventLog.open(folder) as log:
        receipts = log.append_batch(events)

    assert not any(receipt.duplicate for receipt in receipts)
    assert [receipt.sequence for receipt in receipts] == [1, 2, 3, 4]
    assert_whole(folder)
