"""``back_up``: a copy of a live log that can be read, verified, and brought up to date."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import BackupRefused, LedgerNotFound
from ledger.evidence.tree import LedgerTree
from ledger.evidence.tree_head import current_tree_head
from ledger.integrity.backup import back_up
from ledger.integrity.verify import verify
from tests.ledger.damage import copy_of, flip, last_segment, set_mark
from tests.ledger.damaged_logs import DamagedLog, forge, make_log
from tests.ledger.examples import one_run
from tests.ledger.interleaving import in_fork, just_before
from tests.ledger.processes import running, say_of
from tests.ledger.witness import assert_whole, mark_of, raw_lines, segments_of, snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a log of several segments, with a tree and a head."""
    folder = make_log(tmp_path / "runs")
    reader = LogReader(folder)
    (folder / "tree-head").write_bytes(current_tree_head(reader, LedgerTree(reader)).encode())
    (folder / "quarantine" / "torn.bin").write_bytes(b"torn")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Name where the copy goes."""
    return tmp_path / "deep" / "copy"


def grow(folder: Path, runs: int = 3) -> None:
    """Append some runs, into new segments too."""
    with EventLog.open(folder, segment_bytes=4096) as log:
        for number in range(runs):
            log.append_batch(one_run(f"more-{number}"))


def test_a_copy_is_the_log_byte_for_byte(folder: Path, target: Path) -> None:
    """Segments, identity, mark, head and quarantine are copied, and the original is left alone."""
    before = snapshot(folder)

    done = back_up(folder, target)

    assert raw_lines(target) == raw_lines(folder)
    assert mark_of(target) == mark_of(folder)
    for name in ("ledger.json", "tree-head", "quarantine/torn.bin"):
        assert (target / name).read_bytes() == (folder / name).read_bytes()
    assert (done.position, done.kept_bytes) == (len(raw_lines(folder)), 0)
    assert snapshot(folder) == before
    assert verify(target).sound


def test_the_second_time_only_new_bytes_are_copied(folder: Path, target: Path) -> None:
    """What was there stays as it is, the active segment is appended to, new ones are added."""
    first = back_up(folder, target)
    grow(folder)

    second = back_up(folder, target)
    third = back_up(folder, target)

    assert raw_lines(target) == raw_lines(folder)
    assert second.kept_bytes == first.copied_bytes
    assert second.copied_bytes > 0
    assert (third.copied_bytes, third.kept_bytes) == (0, second.copied_bytes + first.copied_bytes)
    assert verify(target).sound


def test_a_copy_goes_on_where_the_original_is_lost(folder: Path, target: Path) -> None:
    """It opens for writing like any data folder."""
    back_up(folder, target)
    shutil.rmtree(folder)

    grow(target)

    assert_whole(target)
    assert verify(target).sound


def test_what_is_above_the_mark_is_not_copied(folder: Path, target: Path) -> None:
    """A copy holds what was acknowledged, not a line that is being written."""
    with last_segment(folder).open("ab") as file:
        file.write(b'{"position":')

    back_up(folder, target)

    assert verify(target).notes == ()


def test_a_backup_that_was_interrupted_is_completed(folder: Path, target: Path) -> None:
    """Whatever a crash leaves of a copy, the next backup makes it whole."""
    back_up(folder, target)
    whole = raw_lines(folder)
    grow(folder)
    for cut in range(0, last_segment(target).stat().st_size, 501):
        copy = copy_of(target, "interrupted")
        path = last_segment(copy)
        path.write_bytes(path.read_bytes()[:cut])
        (copy / "events" / ".00000000000000000001.jsonl.tmp").write_bytes(b"half")
        (copy / "lock").write_bytes(b"")

        back_up(folder, copy)

        assert raw_lines(copy) == raw_lines(folder)
        assert len(raw_lines(copy)) > len(whole)
        assert verify(copy).sound


def test_a_first_backup_that_was_interrupted_at_once_is_completed(
    folder: Path, target: Path
) -> None:
    """A folder with nothing but a lock, and a name half written, is taken for one of ours."""
    target.mkdir(parents=True)
    (target / "lock").touch()
    (target / "events").mkdir()
    (target / ".ledger.json.123.tmp").write_text('{"ledger')

    back_up(folder, target)

    assert verify(target).sound
    assert not list(target.glob("*.tmp"))


@pytest.mark.parametrize("marked", [True, False])
def test_what_a_power_cut_left_of_a_backup_is_copied_again(
    folder: Path, target: Path, marked: bool
) -> None:
    """Holes behind the copy's own mark are found, though the last line is there, and filled."""
    back_up(folder, target)
    mark = mark_of(target)
    grow(folder)
    back_up(folder, target)
    whole = snapshot(target)
    if marked:
        set_mark(target, *mark)
    else:
        (target / "lock").unlink()
    for path in segments_of(target):
        if int(path.stem) > mark[0]:
            data = bytearray(path.read_bytes())
            data[512:1024] = bytes(512)
            path.write_bytes(data)

    back_up(folder, target)

    assert snapshot(target) == whole
    assert verify(target).sound


@pytest.mark.parametrize("number", [1, -1])
def test_a_damaged_last_line_of_a_segment_is_copied_as_it_is(
    folder: Path, target: Path, number: int
) -> None:
    """Where a segment ends is known without reading its last line."""
    path = segments_of(folder)[number]
    flip(path, path.stat().st_size - 40)

    back_up(folder, target)

    assert [path.read_bytes() for path in segments_of(target)] == [
        path.read_bytes() for path in segments_of(folder)
    ]
    assert mark_of(target) == mark_of(folder)


def test_a_folder_that_holds_anything_else_is_refused(
    folder: Path, target: Path, tmp_path: Path
) -> None:
    """Another ledger, other files, a file, or the log's own folder are left as they are."""
    other = make_log(tmp_path / "other", 1)
    target.mkdir(parents=True)
    (target / "diary.txt").write_text("mine")
    (tmp_path / "file").touch()
    before = snapshot(tmp_path)

    for wrong in (other, target, tmp_path / "file", folder, folder / "events", folder / "new"):
        with pytest.raises(BackupRefused):
            back_up(folder, wrong)

    assert snapshot(tmp_path) == before


def test_a_copy_with_a_line_that_the_log_has_not_is_refused(folder: Path, target: Path) -> None:
    """Whichever of the two was changed, the first position that differs is named."""
    back_up(folder, target)
    log = DamagedLog.of(target)
    for name, number in ((segments_of(target)[1].name, 2), (last_segment(target).name, -1)):
        copy = copy_of(target, "changed")
        lines = list(log.segments[name])
        lines[number] = forge(lines[number].rstrip(b"\n"), b'Z","data', b'Y","data') + b"\n"
        (copy / "events" / name).write_bytes(b"".join(lines))
        before = snapshot(copy)

        with pytest.raises(BackupRefused) as caught:
            back_up(folder, copy)

        assert caught.value.position == int(name[:20]) + number % len(lines)
        assert snapshot(copy) == before


def test_a_log_that_was_rolled_back_does_not_go_into_its_copy(folder: Path, target: Path) -> None:
    """The copy has what the log lacks: it is the better one, and is kept."""
    early = copy_of(folder, "early")
    grow(folder)
    back_up(folder, target)
    before = snapshot(target)

    with pytest.raises(BackupRefused) as caught:
        back_up(early, target)

    assert caught.value.position == len(raw_lines(early)) + 1
    assert snapshot(target) == before


def test_a_log_that_is_written_to_is_copied_consistently(folder: Path, target: Path) -> None:
    """Copies taken beside a writer are each whole, and each goes on from the one before."""
    with running("append", folder, 100_000, 8192) as writer:
        for _ in range(6):
            say_of(writer)
            back_up(folder, target)
            assert verify(target).findings == ()
    assert_whole(target)


@pytest.mark.parametrize("is_first", [True, False])
def test_two_backups_at_once_make_one_copy(folder: Path, target: Path, is_first: bool) -> None:
    """The one that comes to its turn second finds a later state, and says nothing else of it."""
    if not is_first:
        back_up(folder, target)

    def back_up_more() -> None:
        grow(folder)
        back_up(folder, target)

    def back_up_second() -> None:
        just_before({"fcntl.flock"}, back_up_more)
        assert back_up(folder, target).copied_bytes == 0

    assert in_fork(back_up_second) == 0
    assert raw_lines(target) == raw_lines(folder)
    assert mark_of(target) == mark_of(folder)


def test_a_damaged_log_is_copied_as_it_is(folder: Path, target: Path) -> None:
    """A backup is no repair: the copy is damaged in the same place, and checking it says so."""
    flip(segments_of(folder)[1], 500)

    back_up(folder, target)

    assert verify(target).findings == verify(folder).findings != ()


def test_there_must_be_a_log(tmp_path: Path, target: Path) -> None:
    """Nothing is made where there is nothing to copy."""
    with pytest.raises(LedgerNotFound):
        back_up(tmp_path / "nowhere", target)
    assert not target.exists()
