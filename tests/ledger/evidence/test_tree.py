"""The tree over a log: right at every size, and never misled by what lies in its file."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import LogReader
from ledger.disk.lock import open_lock_file, try_flock
from ledger.errors import LedgerReplaced
from ledger.evidence.merkle import (
    hash_leaf,
    perfect_root,
    verify_consistency,
    verify_inclusion,
)
from ledger.evidence.tree import LedgerTree, root_from_lines
from ledger.evidence.tree_records import BadRecord, MemoryBytes, TreeRecords
from tests.ledger.damage import flip
from tests.ledger.evidence.whole_tree import root_of
from tests.ledger.forging import forge, leaves_of, long_log, put_lines, short_log
from tests.ledger.witness import raw_lines

RECORD = 74


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of four full blocks and a part, once; tests copy it."""
    folder = long_log(tmp_path_factory.mktemp("log") / "log", 4 * 256 + 30)
    LedgerTree(LogReader(folder)).extend()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Copy the log, with its file ``tree``."""
    return Path(shutil.copytree(made, tmp_path / "log"))


def right_root(folder: Path) -> bytes:
    """Give the root of all lines, from their bytes alone."""
    return root_of(leaves_of(folder))


def root_now(folder: Path) -> bytes:
    """Give the root that a tree of today gives."""
    tree = LedgerTree(LogReader(folder))
    return tree.root(tree.extend())


def test_every_root_is_that_of_the_lines(folder: Path) -> None:
    """At each size of the log the tree gives the root over its first lines."""
    tree, leaves = LedgerTree(LogReader(folder)), leaves_of(folder)

    for size in (0, 1, 2, 255, 256, 257, 511, 512, 1000, 1024, 1025, len(leaves)):
        assert tree.root(size) == root_of(leaves[:size])
        assert root_from_lines(LogReader(folder), size) == root_of(leaves[:size])


@settings(max_examples=100)
@given(st.data())
def test_every_proof_holds(made: Path, data: st.DataObject) -> None:
    """Inclusion and consistency can be shown for any line and any two sizes."""
    tree, leaves = LedgerTree(LogReader(made)), leaves_of(made)
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    root = root_of(leaves[:size])

    inclusion = tree.inclusion_proof(index, size)
    consistency = tree.consistency_proof(old, size)

    assert tree.leaf(index) == leaves[index]
    assert verify_inclusion(index, size, leaf=leaves[index], proof=inclusion, root=root)
    roots = {"old_root": root_of(leaves[:old]), "new_root": root}
    assert verify_consistency(old, size, **roots, proof=consistency)


@settings(max_examples=12)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=4))
def test_a_tree_that_grew_in_steps_equals_one_made_at_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    """However often it was extended, the file is the same, byte for byte."""
    folder = tmp_path_factory.mktemp("steps") / "log"
    size = 0
    for step in steps:
        size += step
        short_log(folder, size)
        assert root_now(folder) == right_root(folder)
    grown = (folder / "tree").read_bytes()
    (folder / "tree").unlink()

    LedgerTree(LogReader(folder)).extend()

    assert (folder / "tree").read_bytes() == grown
    assert len(grown) == size // 256 * RECORD


def test_a_tree_goes_on_while_the_log_grows(tmp_path: Path) -> None:
    """A tree that is kept gives roots of sizes the log had not reached when it was made."""
    folder = short_log(tmp_path / "log", 200)
    tree = LedgerTree(LogReader(folder))
    assert tree.extend() == 200
    short_log(folder, 700)

    assert tree.root(700) == right_root(folder)


def test_more_than_the_log_has_is_refused(folder: Path) -> None:
    """A root, a proof or a leaf beyond the durable mark raises, and says where the log ends."""
    tree = LedgerTree(LogReader(folder))

    for ask in (tree.root, tree.leaf, lambda size: tree.inclusion_proof(0, size)):
        with pytest.raises(LedgerReplaced, match="ends at position 1054"):
            ask(1055)


def test_nothing_above_the_durable_mark_is_in_the_tree(tmp_path: Path) -> None:
    """Lines that a power cut could take back are not counted."""
    folder = short_log(tmp_path / "log", 20)
    with (folder / "events" / f"{1:020d}.jsonl").open("ab") as file:
        file.write(b'{"position":21')

    assert LedgerTree(LogReader(folder)).extend() == 20


@pytest.mark.parametrize("record", range(4))
@pytest.mark.parametrize("offset", [0, 63, 65, 72, 73])
def test_a_damaged_record_is_noticed_and_mended(folder: Path, record: int, offset: int) -> None:
    """A flipped bit in any record changes no root, and is gone from the file afterwards."""
    tree_file = folder / "tree"
    sound = tree_file.read_bytes()
    flip(tree_file, record * RECORD + offset)

    assert root_now(folder) == right_root(folder)
    assert tree_file.read_bytes() == sound


def test_a_file_cut_at_any_place_is_mended(folder: Path) -> None:
    """What a crash or a short disk left of the file is a beginning; the rest is made again."""
    tree_file = folder / "tree"
    sound = tree_file.read_bytes()
    for size in range(0, len(sound), 5):
        tree_file.write_bytes(sound[:size])
        assert root_now(folder) == right_root(folder)
        assert tree_file.read_bytes() == sound


@pytest.mark.parametrize("tail", [b"\x00" * 74, b"\x00" * 500, b"garbage\n", b"f" * 740])
def test_bytes_after_the_last_record_are_dropped(folder: Path, tail: bytes) -> None:
    """A torn end, of NULs or of anything else, is not taken for a record."""
    tree_file = folder / "tree"
    sound = tree_file.read_bytes()
    tree_file.write_bytes(sound[:RECORD] + tail)

    assert root_now(folder) == right_root(folder)
    assert tree_file.read_bytes() == sound


def test_swapped_records_are_noticed(folder: Path) -> None:
    """A record at the place of another does not pass, though its own bytes are sound."""
    tree_file = folder / "tree"
    sound = tree_file.read_bytes()
    tree_file.write_bytes(sound[RECORD : 2 * RECORD] + sound[:RECORD] + sound[2 * RECORD :])

    assert root_now(folder) == right_root(folder)
    assert tree_file.read_bytes() == sound


def test_the_tree_of_another_log_is_noticed(folder: Path, tmp_path: Path) -> None:
    """The file of another ledger is made anew, however sound it is."""
    other = long_log(tmp_path / "other", 3 * 256)
    LedgerTree(LogReader(other)).extend()
    shutil.copy(other / "tree", folder / "tree")

    assert root_now(folder) == right_root(folder)


def test_the_tree_of_a_longer_log_is_noticed(folder: Path) -> None:
    """A file with more subtrees than the log has, as after a rollback, is cut back to it."""
    put_lines(folder, raw_lines(folder)[:600])

    assert root_now(folder) == right_root(folder)
    assert (folder / "tree").stat().st_size == 2 * RECORD


@pytest.mark.parametrize("position", [1, 300, 1024, 1050])
def test_the_tree_of_a_log_before_it_was_rewritten_is_noticed(folder: Path, position: int) -> None:
    """A rewritten line changes the root though the old file is still there, right CRCs and all."""
    before = root_now(folder)

    forge(folder, position)

    assert root_now(folder) == right_root(folder) != before


def test_an_older_tree_is_extended(folder: Path) -> None:
    """A file from earlier, of the same log, is a beginning."""
    tree_file = folder / "tree"
    sound = tree_file.read_bytes()
    tree_file.write_bytes(sound[: 2 * RECORD])
    os.utime(tree_file, (0, 0))

    assert root_now(folder) == right_root(folder)
    assert tree_file.read_bytes() == sound


def test_a_file_damaged_while_it_is_used_is_mended(folder: Path) -> None:
    """A tree that was opened before the damage gives the right root all the same."""
    tree = LedgerTree(LogReader(folder))
    size = tree.extend()
    sound = (folder / "tree").read_bytes()
    (folder / "tree").write_bytes(b"")

    assert tree.root(size) == right_root(folder)
    assert (folder / "tree").read_bytes() == sound
    flip(folder / "tree", 5)
    assert tree.root(size) == right_root(folder)
    assert (folder / "tree").read_bytes() == sound


def test_a_file_that_cannot_be_had_is_done_without(folder: Path, tmp_path: Path) -> None:
    """A folder or a symlink in its place is neither followed nor an error."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes((folder / "tree").read_bytes())
    before = elsewhere.read_bytes()
    (folder / "tree").unlink()
    (folder / "tree").symlink_to(elsewhere)
    assert root_now(folder) == right_root(folder)
    (folder / "tree").unlink()
    (folder / "tree").mkdir()
    assert root_now(folder) == right_root(folder)
    assert elsewhere.read_bytes() == before


def test_a_file_in_the_hands_of_another_is_waited_for(folder: Path) -> None:
    """Two processes never write the file at once: the second waits for the lock of the first."""
    (folder / "tree").write_bytes(b"")
    fd = open_lock_file(folder / "tree")
    assert try_flock(fd)
    release = threading.Timer(0.1, os.close, (fd,))
    release.start()

    assert root_now(folder) == right_root(folder)

    release.join()
    assert (folder / "tree").stat().st_size == 4 * RECORD


def test_a_group_of_65536_leaves_has_a_record_of_its_own(tmp_path: Path) -> None:
    """Beyond 65,536 lines roots and proofs come from the larger subtrees, and stay right."""
    folder = long_log(tmp_path / "log", 66_000)
    leaves = leaves_of(folder)
    root, group = root_of(leaves), perfect_root(leaves[:65_536])
    tree = LedgerTree(LogReader(folder))

    assert tree.root(66_000) == root
    assert tree.root(65_536) == group
    records = (folder / "tree").read_bytes().splitlines()
    assert records[256][:64].decode() == group.hex()
    assert len(records) == 66_000 // 256 + 1
    for index in (0, 65_535, 65_536, 65_999):
        proof = tree.inclusion_proof(index, 66_000)
        assert verify_inclusion(index, 66_000, leaf=leaves[index], proof=proof, root=root)
    sound = (folder / "tree").read_bytes()
    for record in (256, 255, 100):
        flip(folder / "tree", record * RECORD + 3)
        # The records of a group are read again where lines are added that fill it.
        os.truncate(folder / "tree", 257 * RECORD if record == 256 else 256 * RECORD)
        assert root_now(folder) == root
        assert (folder / "tree").read_bytes() == sound


def test_records_of_three_groups_come_back() -> None:
    """Blocks put in steps of any length are read back as blocks and as groups."""
    blocks = [hash_leaf(b"%d" % number) for number in range(3 * 256 + 7)]
    records = TreeRecords(MemoryBytes(), "ledger")
    for start in range(0, len(blocks), 100):
        records.append(blocks[start : start + 100])

    assert records.blocks == len(blocks)
    assert records.hashes(8, 0, len(blocks)) == blocks
    groups = [perfect_root(blocks[start : start + 256]) for start in (0, 256, 512)]
    assert records.hashes(16, 0, 3) == groups
    with pytest.raises(BadRecord):
        records.hashes(16, 3, 1)
    records.cut(300)
    assert records.blocks == 300
    with pytest.raises(BadRecord):
        records.hashes(8, 299, 2)
