"""Parts of the folder that are missing, old, renamed or wrong: named, or made anew."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import LedgerDamaged, LedgerError
from ledger.evidence.tree import LedgerTree
from ledger.integrity.verify import verify
from tests.ledger.damage import copy_of
from tests.ledger.evidence.whole_tree import root_of
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.forging import leaves_of
from tests.ledger.witness import assert_whole, segments_of

RUNS = 130
LINES = 1 + 4 * RUNS + 1


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of many segments with all that is derived from it; beside it an older copy."""
    folder = tmp_path_factory.mktemp("parts") / "log"
    with EventLog.open(folder, segment_bytes=16_384) as log:
        for number in range(RUNS):
            log.append_batch(one_run(f"run-{number}"))
            if number == RUNS - 30:
                LedgerTree(LogReader(folder)).extend()
                shutil.copytree(folder, folder.with_name("older"))
        log.append(acknowledgement("last"))
    LedgerTree(LogReader(folder)).extend()
    assert len(segments_of(folder)) > 10
    assert verify(folder, jobs=1).sound
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Copy the log and its older copy."""
    shutil.copytree(made.with_name("older"), tmp_path / "older")
    return Path(shutil.copytree(made, tmp_path / "log"))


def missing(folder: Path, at: int) -> None:
    """Delete a segment."""
    segments_of(folder)[at].unlink()


def doubled(folder: Path, at: int) -> None:
    """Put a second copy of a segment under the name of the next position but one."""
    path = segments_of(folder)[at]
    shutil.copy(path, path.with_name(f"{int(path.stem) + 1:020d}.jsonl"))


def renamed(folder: Path, at: int) -> None:
    """Give a segment another position's name."""
    path = segments_of(folder)[at]
    path.rename(path.with_name(f"{int(path.stem) + 1:020d}.jsonl"))


def swapped(folder: Path, at: int) -> None:
    """Let two segments have each other's name."""
    path, other = segments_of(folder)[at], segments_of(folder)[at - 1]
    path.rename(folder / "aside")
    other.rename(path)
    (folder / "aside").rename(other)


def emptied(folder: Path, at: int) -> None:
    """Cut a segment to nothing."""
    segments_of(folder)[at].write_bytes(b"")


@pytest.mark.parametrize("at", [0, 4, -1], ids=["first", "middle", "active"])
@pytest.mark.parametrize("harm", [missing, doubled, renamed, swapped, emptied])
def test_a_segment_that_is_not_where_it_belongs(
    folder: Path, harm: Callable[[Path, int], None], at: int, tally: Counter[str]
) -> None:
    """``verify`` finds it, nothing is read from a wrong place, and no segment is changed."""
    harm(folder, at)
    before = {path.name: path.read_bytes() for path in segments_of(folder)}
    sound = verify(folder, jobs=1).sound
    if harm is doubled:
        # A second copy hides no line: the log is read on as it is.
        assert sound == (at == -1)
        assert len(list(LogReader(folder).read())) == LINES
    else:
        assert not sound
        with pytest.raises(LedgerError):
            for _ in LogReader(folder).read():
                pass
    if at == -1:
        # Only what lies at and above the mark is looked at when opening.
        with pytest.raises(LedgerDamaged):
            EventLog.open(folder)
    assert {path.name: path.read_bytes() for path in segments_of(folder)} == before
    tally["segments missing, doubled, renamed, swapped or emptied"] += 1


def deleted(path: Path, _older: Path) -> None:
    """Delete it."""
    path.unlink()


def old(path: Path, older: Path) -> None:
    """Put the older one there, or that of another segment."""
    others = [other for other in sorted(path.parent.glob(f"*{path.suffix}")) if other != path]
    shutil.copy(older if older.exists() else others[0], path)


def cut_off(path: Path, _older: Path) -> None:
    """Cut it in half."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flipped(path: Path, _older: Path) -> None:
    """Flip a bit in every 50 bytes."""
    draw = random.Random(11)
    data = bytearray(path.read_bytes())
    for at in range(draw.randrange(50), len(data), 50):
        data[at] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(data))


def garbage(path: Path, _older: Path) -> None:
    """Put garbage there."""
    path.write_bytes(random.Random(12).randbytes(4096))


def empty(path: Path, _older: Path) -> None:
    """Empty it."""
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [deleted, old, cut_off, flipped, garbage, empty])
def test_what_is_derived_is_never_trusted(
    folder: Path, harm: Callable[[Path, Path], None], tally: Counter[str]
) -> None:
    """With every index and the tree harmed, runs, duplicates and the root are what they were."""
    older = folder.with_name("older")
    derived = [*(path for path in (folder / "index").iterdir() if path.is_file()), folder / "tree"]
    assert len(derived) > 8
    for path in derived:
        harm(path, older / path.relative_to(folder))
    size = len(assert_whole(folder))
    reader = LogReader(folder)
    assert LedgerTree(reader).root(size) == root_of(leaves_of(folder))
    for number in range(RUNS):
        assert [event.type for event in reader.read_run(f"run-{number}")] == [
            "run_started",
            "stage_started",
            "stage_completed",
            "run_ended",
        ], number
    with EventLog.open(folder) as log:
        for number in (0, 60, RUNS - 1):
            again = [event.event_id for event in reader.read_run(f"run-{number}")]
            assert len(set(again)) == 4
            with pytest.raises(LedgerError):
                log.append(one_run(f"run-{number}")[0])
        log.append(acknowledgement("goes on"))
    assert len(assert_whole(folder)) == size + 1
    tally["derived files harmed"] += len(derived)


def test_two_logs_are_not_mixed(folder: Path) -> None:
    """A segment of a sound older copy of the same log, put back, is found to be short."""
    copy = copy_of(folder, "mixed")
    active = segments_of(folder.with_name("older"))[-1]
    assert active.read_bytes() != (copy / "events" / active.name).read_bytes()
    shutil.copy(active, copy / "events" / active.name)
    assert not verify(copy, jobs=1).sound
