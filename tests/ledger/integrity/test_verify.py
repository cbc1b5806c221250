"""``verify``: whatever is wrong in a log is named with its place; a sound log is sound."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader
from ledger.errors import LedgerNotFound
from ledger.evidence.tree import LedgerTree
from ledger.evidence.tree_head import TreeHead, origin_of
from ledger.integrity.verify import verify
from ledger.reading.run_index import encode_index
from ledger.writing.sealing import seal_in_background
from tests.ledger.damage import copy_of, flip, last_segment, lose_lock, set_mark
from tests.ledger.damaged_logs import Damage, DamagedLog, damages, forge, make_log
from tests.ledger.evidence.whole_tree import root_of
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.witness import mark_of, raw_lines, segments_of, snapshot


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of more than two blocks of the tree, in several segments with their indexes."""
    folder = make_log(tmp_path_factory.mktemp("verify") / "whole", 110, 64_000)
    for path in segments_of(folder)[:-1]:
        seal_in_background(folder, int(path.stem)).join()
    LedgerTree(LogReader(folder)).extend()
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small log of six segments."""
    return make_log(tmp_path_factory.mktemp("verify") / "small")


def kinds(folder: Path) -> list[str]:
    """Give what kinds of flaw are found."""
    found = verify(folder)
    assert found.sound is not bool(found.findings)
    return [finding.kind for finding in found.findings]


def below_the_mark(folder: Path) -> bytes:
    """Give all bytes that were durable."""
    *sealed, active = segments_of(folder)
    return (
        b"".join(path.read_bytes() for path in sealed) + active.read_bytes()[: mark_of(folder)[1]]
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_sound_log_is_sound(whole: Path, jobs: int) -> None:
    """All is counted, the root is that of the lines, nothing is written, progress is told."""
    before = snapshot(whole)
    told: list[tuple[int, int]] = []

    found = verify(whole, jobs=jobs, progress=lambda done, total: told.append((done, total)))

    lines = raw_lines(whole)
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines]
    assert (found.sound, found.findings, found.notes) == (True, (), ())
    assert (found.position, found.runs) == (len(lines), 110)
    assert found.segments == len(segments_of(whole)) == len(told)
    assert found.root == root_of(leaves).hex()
    assert told[-1] == (len(lines), len(lines))
    assert snapshot(whole) == before


@settings(max_examples=60)
@given(damages)
def test_any_damage_is_found(small: Path, several: Sequence[Damage]) -> None:
    """A log is sound exactly when its durable bytes are what was written."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = DamagedLog.of(small).suffer(several).write_to(Path(scratch) / "damaged")
        changed = below_the_mark(folder) != below_the_mark(small)
        assert verify(folder).sound is not changed


@settings(max_examples=40)
@given(st.data())
def test_each_flipped_bit_is_named_by_its_line(small: Path, data: st.DataObject) -> None:
    """Segment, line and byte are those of the line in which it lies."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = DamagedLog.of(small).write_to(Path(scratch) / "damaged")
        path = data.draw(st.sampled_from(segments_of(folder)))
        before = path.read_bytes()
        offset = data.draw(st.integers(0, len(before) - 1))
        flip(path, offset)

        first, *_ = verify(folder).findings

    line = before.count(b"\n", 0, offset)
    assert (first.segment, first.line) == (path.name, line + 1)
    assert first.position == int(path.stem) + line
    assert first.offset == before.rfind(b"\n", 0, offset) + 1
    assert first.expected != first.found


def replaced(folder: Path, number: int, old: bytes, new: bytes) -> None:
    """Forge the last line of the log, on which no other depends, or another one."""
    log = DamagedLog.of(folder)
    lines, at = log.line(number)
    lines[at] = forge(lines[at].rstrip(b"\n"), old, new) + b"\n"
    for name, raw in log.segments.items():
        (folder / "events" / name).write_bytes(b"".join(raw))
    segment, _, position = mark_of(folder)
    set_mark(folder, segment, last_segment(folder).stat().st_size, position)


LAST = -1


def unmade(folder: Path) -> None:
    """Remove who the ledger is."""
    (folder / "ledger.json").unlink()


def another(folder: Path) -> None:
    """Say that the ledger is another one."""
    path = folder / "ledger.json"
    path.write_text(path.read_text().replace('"ledger_id": "', '"ledger_id": "not-'))


def clock_back(folder: Path) -> None:
    """Let the last line be recorded before the others."""
    replaced(folder, LAST, b'"recorded_at":"2', b'"recorded_at":"1')


def sequence_off(folder: Path) -> None:
    """Let the last line, of no run, have a sequence."""
    replaced(folder, LAST, b'"sequence":0', b'"sequence":7')


def batch_open(folder: Path) -> None:
    """Let the last line promise that more follow."""
    replaced(folder, LAST, b'"rest":0', b'"rest":2')


def key_twice(folder: Path) -> None:
    """Let a key stand twice in the last line."""
    replaced(folder, LAST, b'"rest":0', b'"rest":0,"rest":0')


def keys_swapped(folder: Path) -> None:
    """Let two keys of the last line change places."""
    replaced(folder, LAST, b'"sequence":0,"rest":0', b'"rest":0,"sequence":0')


def spaced_out(folder: Path) -> None:
    """Put white space between two keys of the last line."""
    replaced(folder, LAST, b',"rest"', b', "rest"')


def in_another_zone(folder: Path) -> None:
    """Let the last line say when it happened by its offset from UTC."""
    replaced(folder, LAST, b'Z","recorded_at"', b'+00:00","recorded_at"')


def on_no_day(folder: Path) -> None:
    """Let the last line have happened in a year that there is not."""
    replaced(folder, LAST, b'"occurred_at":"2', b'"occurred_at":"x')


def payload_in_a_list(folder: Path) -> None:
    """Let the payload of the last line be no object."""
    replaced(folder, LAST, b'"data":{', b'"data":[{')
    replaced(folder, LAST, b"}", b"}]")


def unfit_mark(folder: Path) -> None:
    """Let the mark say that the last line ends elsewhere."""
    segment, offset, position = mark_of(folder)
    set_mark(folder, segment, offset - 1, position)


def lock_is_a_folder(folder: Path) -> None:
    """Put a folder in the place of the lock file."""
    lose_lock(folder)
    (folder / "lock").symlink_to(folder / "ledger.json")


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (unmade, "identity"),
        (another, "identity"),
        (clock_back, "clock"),
        (sequence_off, "sequence"),
        (batch_open, "batch"),
        (key_twice, "format"),
        (keys_swapped, "format"),
        (spaced_out, "format"),
        (in_another_zone, "format"),
        (on_no_day, "format"),
        (payload_in_a_list, "format"),
        (unfit_mark, "mark"),
        (lock_is_a_folder, "mark"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_each_kind_of_flaw_has_its_name(
    small: Path, harm: Callable[[Path], None], kind: str
) -> None:
    """What a CRC and the chain cannot tell is checked as well."""
    folder = copy_of(small, "harmed")
    harm(folder)

    assert kinds(folder) == [kind]


def test_a_torn_tail_above_the_mark_is_a_note(small: Path) -> None:
    """Nobody was told that it is in the log, so it is no damage."""
    folder = copy_of(small, "torn")
    with last_segment(folder).open("ab") as file:
        file.write(b"half a li")

    found = verify(folder)

    assert found.sound
    assert [note.kind for note in found.notes] == ["torn tail"]


def test_a_foreign_file_and_a_lost_lock_are_notes(small: Path) -> None:
    """Neither takes anything from the log."""
    folder = copy_of(small, "foreign")
    (folder / "events" / "00000000000000000001 (copy).jsonl").write_text("mine")
    lose_lock(folder)

    found = verify(folder)

    assert found.sound
    assert [note.kind for note in found.notes] == ["segment", "mark"]
    assert found.position == len(raw_lines(small))


def test_an_index_that_lies_is_found_and_a_stale_one_is_a_note(whole: Path) -> None:
    """A whole index file with other places hides lines of a run; a damaged one is made anew."""
    folder = copy_of(whole, "index")
    first, second, *_ = sorted((folder / "index").iterdir())
    flip(second, 200)
    assert [note.kind for note in verify(folder).notes] == ["index"]
    assert verify(folder).sound

    segment = segments_of(folder)[0]
    first.write_bytes(encode_index(1, segment.stat().st_size, {b"-": [0], b"run-1": [7]}))
    assert kinds(folder) == ["index"]


def test_a_tree_of_another_past_is_found(whole: Path) -> None:
    """A record that is whole and says something else is a finding, a damaged one a note."""
    folder = copy_of(whole, "tree")
    flip(folder / "tree", 5)
    assert [note.kind for note in verify(folder).notes] == ["tree"]

    other = make_log(folder.with_name("other"), 110, 64_000)
    (other / "ledger.json").write_bytes((folder / "ledger.json").read_bytes())
    LedgerTree(LogReader(other)).rebuild()
    (folder / "tree").write_bytes((other / "tree").read_bytes())
    assert kinds(folder) == ["tree"]


def test_a_tree_head_that_the_log_does_not_lead_to_is_found(whole: Path) -> None:
    """A head of the log at any size fits; one of another root, size or log does not."""
    folder = copy_of(whole, "head")
    reader = LogReader(folder)
    tree, origin = LedgerTree(reader), origin_of(reader.identity)
    for size in (0, 1, 255, 300, tree.extend()):
        (folder / "tree-head").write_bytes(TreeHead(origin, size, tree.root(size)).encode())
        assert verify(folder).sound
    wrong = [
        TreeHead(origin, 300, bytes(32)),
        TreeHead(origin, 10_000, bytes(32)),
        TreeHead("runfold/another", 300, tree.root(300)),
    ]
    for head in wrong:
        (folder / "tree-head").write_bytes(head.encode())
        assert kinds(folder) == ["tree-head"]
    (folder / "tree-head").write_bytes(b"no head")
    assert kinds(folder) == ["tree-head"]


def test_findings_are_bounded(tmp_path: Path) -> None:
    """Where everything is wrong, a thousand findings are told, and that there are more."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append_batch([acknowledgement(str(number)) for number in range(1200)])
    path = last_segment(folder)
    path.write_bytes(path.read_bytes().replace(b'"known', b'"knoWn').replace(b"f00d", b"f00e"))

    found = verify(folder)

    assert found.more
    assert len(found.findings) == 1000


def test_a_folder_without_a_ledger_is_not_found(tmp_path: Path) -> None:
    """Checking creates nothing."""
    with pytest.raises(LedgerNotFound):
        verify(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_log_that_grows_is_checked_up_to_its_mark(tmp_path: Path) -> None:
    """Lines above the mark, of a writer that is at work, are a note."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append_batch(one_run("r"))
        segment, offset, position = mark_of(folder)
        log.append(acknowledgement())
    set_mark(folder, segment, offset, position)

    found = verify(folder)

    assert (found.sound, found.position) == (True, position)
    assert [note.kind for note in found.notes] == ["torn tail"]
