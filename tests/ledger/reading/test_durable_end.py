"""Tests for how far a log goes for who reads it, before and after the machine started anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import origin_of
from ledger.evidence.tree_head_signing import sign_tree_head
from ledger.integrity.backup import back_up
from ledger.integrity.verify import verify
from ledger.reading.mark_watch import MarkWatch
from projections import RunHistory
from tests.ledger.damage import cut, flip, last_segment, set_mark
from tests.ledger.examples import FIRST_BOOT, acknowledgement, one_run
from tests.ledger.witness import mark_of, snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a log of 12 lines in several segments, whose mark a power cut has set back to 1."""
    path = tmp_path / "log"
    with EventLog.open(path, segment_bytes=1500) as log:
        early = mark_of(path)
        for number in range(2):
            log.append_batch(one_run(f"run-{number}"))
        log.append_batch([acknowledgement(str(number)) for number in range(3)])
    assert (early[2], mark_of(path)[2]) == (1, 12)
    assert len(log.folder.segments()) > 2
    set_mark(path, *early, boot=FIRST_BOOT)
    return path


def test_what_was_acknowledged_is_read_after_a_boot(folder: Path) -> None:
    """Before any writer opens the log, all ways to read it show all of it, and change nothing."""
    before = snapshot(folder)

    reader = LogReader(folder)
    assert [event.position for event in reader.read()] == list(range(1, 13))
    assert [event.sequence for event in reader.read_run("run-1")] == [1, 2, 3, 4]
    assert MarkWatch(reader).position() == 12
    found = verify(folder)
    assert (found.sound, found.position, found.notes) == (True, 12, ())

    assert snapshot(folder) == before
    assert [run.run_id for run in RunHistory(folder).list_runs()] == ["run-1", "run-0"]


def test_a_mark_of_this_boot_is_where_readers_stop(folder: Path) -> None:
    """What a writer that is at work has not synced is not shown."""
    set_mark(folder, *mark_of(folder))

    assert [event.position for event in LogReader(folder).read()] == [1]


def test_a_torn_tail_is_not_read_after_a_boot(folder: Path) -> None:
    """What is behind the last whole batch was never acknowledged: readers and writers agree."""
    cut(folder, last_segment(folder).stat().st_size - 10)

    position = LogReader(folder).position
    assert 1 < position < 12
    assert verify(folder).sound
    with EventLog.open(folder) as log:
        assert log.append(acknowledgement()).position == position + 2


def test_nothing_behind_damage_is_read_after_a_boot(folder: Path) -> None:
    """A line that is not as it was ends what is taken for durable, in whichever segment it is."""
    second = sorted((folder / "events").iterdir())[1]
    flip(second, 40)

    assert LogReader(folder).position == int(second.stem) - 1


def test_what_a_failed_sync_left_is_not_read_twice(folder: Path) -> None:
    """Lines copied from a segment whose sync failed are read once, where the log goes on."""
    first, second, *_ = sorted((folder / "events").iterdir())
    with first.open("ab") as old:
        old.write(second.read_bytes())

    assert LogReader(folder).position == int(second.stem) - 1
    assert verify(folder).sound
    EventLog.open(folder).close()
    assert [event.position for event in LogReader(folder).read()] == list(range(1, 13))


def test_what_was_signed_or_copied_before_a_power_cut_stays_true(tmp_path: Path) -> None:
    """A tree head and a backup made before it are not ahead of the log after it."""
    folder, copy = tmp_path / "log", tmp_path / "copy"
    with EventLog.open(folder) as log:
        early = mark_of(folder)
        log.append_batch(one_run("run"))
        key = SigningKey.generate(origin_of(log.reader.identity))
        head = sign_tree_head(log.reader, key)
        back_up(folder, copy)
    set_mark(folder, *early, boot=FIRST_BOOT)

    assert verify(folder).sound
    assert sign_tree_head(LogReader(folder), key) == head
    assert back_up(folder, copy).position == head.size


def test_who_looks_again_sees_where_a_writer_moved_the_mark(folder: Path) -> None:
    """A reader that found the end by itself goes on from the mark once a writer has moved it."""
    reader = LogReader(folder)
    assert reader.position == 12

    with EventLog.open(folder) as log:
        log.append(acknowledgement())

    assert reader.position == 13
