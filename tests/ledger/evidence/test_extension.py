"""What a tree head that was kept catches: every change to the past of a log that looks sound."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import LogReader
from ledger.disk.folder import LedgerFolder
from ledger.errors import LedgerDamaged, LedgerReplaced, NotProven
from ledger.evidence.extension import check_extends
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree import LedgerTree
from ledger.evidence.tree_head import TreeHead, current_tree_head, origin_of, stored_tree_head
from ledger.evidence.tree_head_signing import sign_tree_head
from ledger.integrity.repair import repair
from tests.ledger.damage import copy_of, flip
from tests.ledger.evidence.whole_tree import root_of
from tests.ledger.forging import (
    BATCH,
    LONG_AGO,
    altered,
    forge,
    leaves_of,
    put_lines,
    rechained,
    short_log,
)
from tests.ledger.witness import raw_lines, snapshot

SIZE = 600


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of two blocks and a part, once; tests copy it."""
    return short_log(tmp_path_factory.mktemp("log") / "log", SIZE)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Copy the log."""
    return Path(shutil.copytree(made, tmp_path / "log"))


@pytest.fixture
def key(folder: Path) -> SigningKey:
    """Make the key of the log."""
    return SigningKey.generate(origin_of(LogReader(folder).identity))


def sign(folder: Path, key: SigningKey) -> TreeHead:
    """Sign the log as it is now, as a process of today would."""
    return sign_tree_head(LogReader(folder), key)


def swapped(folder: Path) -> None:
    """Swap two lines, and chain everything anew."""
    lines = raw_lines(folder)
    lines[299], lines[300] = lines[300], lines[299]
    put_lines(folder, rechained(lines))


def deleted(folder: Path) -> None:
    """Leave a line out, and chain everything anew."""
    lines = raw_lines(folder)
    put_lines(folder, rechained(lines[:299] + lines[300:] + lines[-1:]))


def inserted(folder: Path) -> None:
    """Put a line in, and chain everything anew."""
    lines = raw_lines(folder)
    put_lines(folder, rechained(lines[:299] + lines[298:]))


def rewritten_first(folder: Path) -> None:
    """Rewrite the first line, and all."""
    forge(folder, 1)


def rewritten_last(folder: Path) -> None:
    """Rewrite the last line."""
    forge(folder, SIZE)


def rolled_back(folder: Path) -> None:
    """Put back the log as it was a line before."""
    put_lines(folder, raw_lines(folder)[:-1])


def rolled_back_and_continued(folder: Path) -> None:
    """Put back the log as it was, and go on from there."""
    put_lines(folder, raw_lines(folder)[: 1 + 10 * BATCH])
    short_log(folder, SIZE + 50)


FORGERIES = [
    swapped,
    deleted,
    inserted,
    rewritten_first,
    rewritten_last,
    rolled_back,
    rolled_back_and_continued,
]


@pytest.mark.parametrize("tree", ["kept", "deleted", "faked"])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_log_is_caught_by_an_earlier_head(
    folder: Path, key: SigningKey, forgery: Callable[[Path], None], tree: str
) -> None:
    """A log that is sound in itself, and not the one that was signed, is neither.

    So with the file ``tree`` as it was, without it, and with one whose last block was made to fit.
    """
    old = sign(folder, key)
    genuine = (folder / "tree").read_bytes()
    forgery(folder)
    if tree == "deleted":
        (folder / "tree").unlink()
    if tree == "faked":
        (folder / "tree").unlink()
        LedgerTree(LogReader(folder)).extend()
        made = (folder / "tree").read_bytes()
        (folder / "tree").write_bytes(genuine[:-74] + made[len(genuine) - 74 :])

    for quick in (True, False):
        with pytest.raises(NotProven, match=r"rewritten|cut or rolled back"):
            check_extends(LogReader(folder), old, quick=quick)
    with pytest.raises(LedgerReplaced, match="does not hold what was signed before"):
        sign(folder, key)
    assert stored_tree_head(LedgerFolder(folder)) == old


def test_damage_that_breaks_the_chain_is_found_by_reading_every_line(
    folder: Path, key: SigningKey
) -> None:
    """A line changed in its place, with its CRC made right, is damage when all is read."""
    old = sign(folder, key)
    lines = raw_lines(folder)
    put_lines(folder, [*lines[:4], altered(lines[4], occurred_at=LONG_AGO), *lines[5:]])

    with pytest.raises(LedgerDamaged, match="position 6"):
        check_extends(LogReader(folder), old)


@pytest.mark.parametrize("quick", [True, False])
def test_a_line_that_a_repair_has_passed_over_is_missed(
    folder: Path, key: SigningKey, quick: bool
) -> None:
    """The line after it still tells its hash, so the roots agree; but what it said is gone."""
    old = sign(folder, key)
    segment = LogReader(folder).folder.segment(1)
    flip(segment, segment.stat().st_size // 3)
    repair(folder, actor="anna", reason="a test")

    with pytest.raises(NotProven, match=f"1 line of the first {old.size} can no longer be read"):
        check_extends(LogReader(folder), old, quick=quick)
    head = current_tree_head(LogReader(folder))
    with pytest.raises(NotProven, match="passed over"):
        check_extends(LogReader(folder), head, quick=quick)


def test_a_head_of_another_log_is_not_extended(folder: Path, tmp_path: Path) -> None:
    """A head says which log it is of, and no other log extends it."""
    other = current_tree_head(LogReader(short_log(tmp_path / "other", 10)))

    with pytest.raises(NotProven, match="another log"):
        check_extends(LogReader(folder), other)


def test_a_wrong_tree_file_never_gets_signed(folder: Path, key: SigningKey) -> None:
    """Records that were made to look sound change neither the root that is signed nor a proof."""
    old = sign(folder, key)
    reader = LogReader(short_log(folder, 3 * SIZE))
    LedgerTree(reader).extend()
    sound = (folder / "tree").read_bytes()
    other = copy_of(folder, "other")
    forge(other, 300)
    (other / "tree").unlink()
    LedgerTree(LogReader(other)).extend()
    faked = (other / "tree").read_bytes()
    (folder / "tree").write_bytes(faked[:-74] + sound[-74:])

    head = sign(folder, key)

    assert head.root == root_of(leaves_of(folder))
    (folder / "tree").write_bytes(faked[:-74] + sound[-74:])
    extension = check_extends(reader, old)
    assert extension.new.root == head.root
    assert (folder / "tree").read_bytes() == sound


def test_checking_changes_nothing_but_the_derived_file(folder: Path) -> None:
    """A head and a comparison leave the log and all else as they were."""
    before = snapshot(folder)
    head = current_tree_head(LogReader(folder))
    check_extends(LogReader(folder), head)

    after = snapshot(folder)
    assert after.pop("tree")
    assert after == before
