"""The Merkle tree over the log: its roots and proofs, in milliseconds at any length.

Leaf ``position - 1`` is the line at ``position``. The file ``tree`` keeps the hashes of full
subtrees of 256 and of 65,536 leaves (see ``tree_records.py``); the leaves of a block in question,
and those after the last full block, come from the lines themselves.

Guarantees. The file is derived: it can be deleted at any time, and is made again from the lines.
Its records check themselves, and before it is extended its last block is compared with the lines,
which name all lines before them through the chain. So a file that is torn, cut, damaged, old, of
another log, or left over after the log was rewritten, is noticed and not used. It is no evidence by
itself: what a proof shows is shown by the proof.

Where the file cannot be written (a read-only folder, a full disk, another process that is busy with
it), what is missing in it is computed in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ledger.disk.lock import FolderLock
from ledger.errors import LedgerReplaced, LedgerUnwritable, LockTimeout
from ledger.evidence.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    perfect_root,
    tree_edge,
    tree_root,
)
from ledger.evidence.tree_records import (
    BLOCK_LEVEL,
    BLOCK_SIZE,
    GROUP_LEVEL,
    BadRecord,
    FileBytes,
    MemoryBytes,
    TreeRecords,
)
from ledger.reading.leaves import read_leaves
from ledger.reading.reader import LogReader

__all__ = ["LedgerTree", "root_from_lines"]

Made = TypeVar("Made")

_LOCK_TIMEOUT = 10.0
_BLOCKS_AT_ONCE = 64
_BLOCKS_KEPT = 4


class LedgerTree:
    """The tree of one log, up to its durable mark. Not to be shared between threads."""

    def __init__(self, reader: LogReader) -> None:
        """Make roots and proofs of the log that ``reader`` reads."""
        self._reader = reader
        self._file = FileBytes(reader.folder.tree)
        self._records = self._of(self._file)
        self._size = 0
        self._from_nothing = False
        self._leaves: dict[int, list[bytes]] = {}

    def _of(self, data: FileBytes | MemoryBytes) -> TreeRecords:
        return TreeRecords(data, self._reader.identity.ledger_id)

    def extend(self) -> int:
        """Take in the lines up to the durable mark, and give how many leaves there are now.

        Raises:
            LedgerDamaged: a line that is needed is not what was written.
        """
        try:
            self._catch_up_locked()
        except (OSError, LedgerUnwritable, LockTimeout):
            self._catch_up(self._of(MemoryBytes(self._file.read(0, self._file.size()))))
        return self._size

    def rebuild(self) -> int:
        """Make the file from the lines again, and give how many leaves there are."""
        self._from_nothing = True
        return self.extend()

    def _catch_up_locked(self) -> None:
        lock = FolderLock(self._reader.folder.tree, _LOCK_TIMEOUT)
        try:
            with lock.hold():
                self._catch_up(self._of(self._file))
        finally:
            lock.close()

    def _catch_up(self, records: TreeRecords) -> None:
        """Drop what is not of this log, then add the full blocks that are missing."""
        # The mark is read under the lock: nobody extends the file beyond what it says now.
        self._size = self._reader.position
        self._leaves.clear()
        if self._from_nothing:
            records.cut(0)
            self._from_nothing = False
        records.cut(min(records.blocks, self._size // BLOCK_SIZE))
        self._drop_untrue(records)
        try:
            self._add_missing(records)
        except BadRecord:
            records.cut(0)
            self._add_missing(records)
        self._records = records

    def _add_missing(self, records: TreeRecords) -> None:
        leaves: list[bytes] = []
        blocks: list[bytes] = []
        full = self._size - self._size % BLOCK_SIZE
        for leaf in read_leaves(self._reader, records.blocks * BLOCK_SIZE, full):
            leaves.append(leaf)
            if len(leaves) == BLOCK_SIZE:
                blocks.append(perfect_root(leaves))
                leaves.clear()
            if len(blocks) == _BLOCKS_AT_ONCE:
                records.append(blocks)
                blocks.clear()
        records.append(blocks)

    def _drop_untrue(self, records: TreeRecords) -> None:
        """Compare the last block with its lines; they name all lines before them."""
        while last := records.blocks:
            try:
                (known,) = records.hashes(BLOCK_LEVEL, last - 1, 1)
            except BadRecord:
                records.cut(last - 1)
                continue
            if known != perfect_root(self._block(last - 1)):
                records.cut(0)
            return

    def root(self, size: int) -> bytes:
        """Give the root of the first ``size`` lines, 32 bytes.

        Raises:
            LedgerReplaced: the log has fewer lines.
        """
        self._reach(size)
        return self._sound(lambda: tree_root(size, self._subtree))

    def frontier(self, size: int) -> Frontier:
        """Give the tree of the first ``size`` lines, to be grown further.

        Raises:
            LedgerReplaced: the log has fewer lines.
        """
        self._reach(size)
        return Frontier(size, self._sound(lambda: tree_edge(size, self._subtree)))

    def leaf(self, index: int) -> bytes:
        """Give the leaf hash of the line at position ``index + 1``, from that line."""
        self._reach(index + 1)
        return self._block(index // BLOCK_SIZE)[index % BLOCK_SIZE]

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Prove that the line at position ``index + 1`` is in the tree of ``size`` lines.

        Raises:
            IndexError: there is no such leaf in that tree.
            LedgerReplaced: the log has fewer lines.
        """
        self._reach(size)
        return self._sound(lambda: inclusion_proof(index, size, self._subtree))

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Prove that the tree of ``new`` lines begins with that of ``old``.

        Raises:
            IndexError: ``old`` is negative or more than ``new``.
            LedgerReplaced: the log has fewer lines.
        """
        self._reach(new)
        return self._sound(lambda: consistency_proof(old, new, self._subtree))

    def _reach(self, size: int) -> None:
        if size > self._size and size > self.extend():
            raise LedgerReplaced(
                self._reader.folder.path, f"it ends at position {self._size}, not {size} or later"
            )

    def _sound(self, make: Callable[[], Made]) -> Made:
        """Make something of the records; where one is damaged, make the file again and retry.

        Another process may be making it again already: so first wait for its lock, and look.
        """
        for mend in (self.extend, self.rebuild, self._leave_file):
            try:
                return make()
            except BadRecord:
                mend()
        return make()

    def _leave_file(self) -> None:
        self._catch_up(self._of(MemoryBytes()))

    def _subtree(self, level: int, index: int) -> bytes:
        """Hash the full subtree at a level and index from the largest parts at hand."""
        if level >= BLOCK_LEVEL:
            part = GROUP_LEVEL if level >= GROUP_LEVEL else BLOCK_LEVEL
            first, count = index << level - part, 1 << level - part
            return perfect_root(self._records.hashes(part, first, count))
        block, first = divmod(index << level, BLOCK_SIZE)
        return perfect_root(self._block(block)[first : first + (1 << level)])

    def _block(self, block: int) -> list[bytes]:
        """Give the leaf hashes of a block from its lines; fewer in the last one."""
        if block not in self._leaves:
            first = block * BLOCK_SIZE
            end = min(first + BLOCK_SIZE, self._size)
            leaves = list(read_leaves(self._reader, first, end))
            if len(leaves) < end - first:
                raise LedgerReplaced(self._reader.folder.path, f"it ended at {end} a moment ago")
            if len(self._leaves) == _BLOCKS_KEPT:
                del self._leaves[next(iter(self._leaves))]
            self._leaves[block] = leaves
        return self._leaves[block]


def root_from_lines(reader: LogReader, size: int) -> bytes:
    """Give the root of the first ``size`` lines by reading each of them: no file is trusted.

    Raises:
        LedgerDamaged: a line is not what was written, or breaks the chain.
        LedgerReplaced: the log has fewer lines.
    """
    frontier = Frontier()
    for leaf in read_leaves(reader, 0, size):
        frontier.add(leaf)
    if frontier.size < size:
        raise LedgerReplaced(reader.folder.path, f"it ends at position {frontier.size}, not {size}")
    return frontier.root()
