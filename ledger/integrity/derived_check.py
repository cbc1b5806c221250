"""Compare what was derived from the log with the log: the file ``tree`` and the tree head.

A derived file that notices its own damage is made anew where it is needed, so that is a note. One
that is whole and says something else is a finding: it, or the log, was changed.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.disk.folder import LedgerFolder
from ledger.disk.mark import Mark
from ledger.errors import BadEvidence, LedgerError
from ledger.evidence.merkle import perfect_root, tree_root
from ledger.evidence.tree_head import TreeHead, root_text, stored_tree_head
from ledger.evidence.tree_records import BLOCK_LEVEL, BLOCK_SIZE, BadRecord, FileBytes, TreeRecords
from ledger.integrity.findings import Findings
from ledger.integrity.log_check import LogCheck
from ledger.integrity.segment_check import Leaves, SegmentFacts
from ledger.reading.leaves import read_leaves
from ledger.reading.reader import LogReader
from ledger.reading.run_index import index_name

__all__ = ["check_derived", "check_index"]

_AT_ONCE = 256

Say = Callable[..., None]
"""Adds a finding or a note."""


def check_index(part: SegmentFacts | None, findings: Findings) -> None:
    """Say what is wrong with the index file of a segment."""
    if part is not None and part.index in ("stale", "wrong"):
        wrong = part.index == "wrong"
        say = findings.add if wrong else findings.note
        say(
            "index",
            segment=f"index/{index_name(part.first)}",
            position=part.first,
            expected="where the lines of each run lie",
            found="other places" if wrong else "damaged or old; it will be made anew",
        )


def check_derived(
    folder: LedgerFolder, ledger_id: str, mark: Mark, log: LogCheck, findings: Findings
) -> str:
    """Check the tree and the tree head; give the root, where it can be known."""
    if log.gaps or log.position != mark.position:
        findings.note("tree", expected="every line, to compare it with", found="not all of them")
        return ""
    # What was made before lines were lost cannot fit any more, and a repair has told of that.
    say = findings.note if log.nameless else findings.add
    try:
        _check_tree(folder, ledger_id, log.leaves, say)
    except BadRecord:
        findings.note("tree", expected="whole records", found="damaged; it will be made anew")
    try:
        _check_tree_head(folder, ledger_id, mark, log.leaves, say)
    except LedgerError:
        findings.note(
            "tree-head",
            expected="a log to compare it with",
            found="one that does not say which it is",
        )
    return _root_at(folder, log.leaves, mark.position).hex()


def _root_at(folder: LedgerFolder, leaves: Leaves, size: int) -> bytes:
    """Give the Merkle root of the first ``size`` lines of a log that was checked."""

    def subtree(level: int, index: int) -> bytes:
        if level >= BLOCK_LEVEL:
            width = 1 << level - BLOCK_LEVEL
            return perfect_root(leaves.blocks[index * width : (index + 1) * width])
        block, first = divmod(index << level, BLOCK_SIZE)
        found = leaves.open
        if block < len(leaves.blocks):
            begin = block * BLOCK_SIZE
            found = list(read_leaves(LogReader(folder.path), begin, begin + BLOCK_SIZE))
        return perfect_root(found[first : first + (1 << level)])

    return tree_root(size, subtree)


def _check_tree(folder: LedgerFolder, ledger_id: str, leaves: Leaves, say: Say) -> None:
    """Compare the file ``tree`` with the subtrees of 256 lines that were recomputed."""
    records = TreeRecords(FileBytes(folder.tree), ledger_id)
    blocks = min(records.blocks, len(leaves.blocks))
    for first in range(0, blocks, _AT_ONCE):
        count = min(_AT_ONCE, blocks - first)
        known = records.hashes(BLOCK_LEVEL, first, count)
        for number, (hash_, true) in enumerate(
            zip(known, leaves.blocks[first : first + count], strict=True), first
        ):
            if hash_ != true:
                say(
                    "tree",
                    segment=folder.tree.name,
                    position=number * BLOCK_SIZE + 1,
                    expected=f"subtree hash {true.hex()}",
                    found=hash_.hex(),
                )
                return


def _check_tree_head(
    folder: LedgerFolder, ledger_id: str, mark: Mark, leaves: Leaves, say: Say
) -> None:
    """Compare the tree head that was signed last with the root at its size."""
    try:
        head = stored_tree_head(folder)
    except BadEvidence as error:
        say("tree-head", segment="tree-head", expected="a tree head", found=error.reason)
        return
    except OSError as error:
        say("tree-head", segment="tree-head", expected="a file", found=error.strerror or str(error))
        return
    if head is None:
        return
    expected, found = _compare(folder, ledger_id, mark, leaves, head)
    if expected:
        say(
            "tree-head",
            segment="tree-head",
            position=min(head.size, mark.position),
            expected=expected,
            found=found,
        )


def _compare(
    folder: LedgerFolder, ledger_id: str, mark: Mark, leaves: Leaves, head: TreeHead
) -> tuple[str, str]:
    """Give what the head says and what the log holds; empty where they agree."""
    origin = f"runfold/{ledger_id}"
    if ledger_id and head.origin != origin:
        return f"a tree head of {origin}", f"one of {head.origin!a}"
    if head.size > mark.position:
        return f"{head.size} lines, as the tree head says", f"{mark.position}"
    root = _root_at(folder, leaves, head.size)
    if root != head.root:
        expected = f"root {root_text(head.root)}, of the first {head.size} lines"
        return expected, root_text(root)
    return "", ""
