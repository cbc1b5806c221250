"""Compare what was derived from the log with the log: the file ``tree`` and the tree head.

A derived file that notices its own damage is made anew where it is needed, so that is a note. One
that is whole and says something else is a finding: it, or the log, was changed.
"""

from __future__ import annotations

from ledger.errors import BadEvidence
from ledger.findings import Findings
from ledger.folder import LedgerFolder
from ledger.log_check import LogCheck
from ledger.mark import Mark
from ledger.merkle import perfect_root, tree_root
from ledger.run_index import index_name
from ledger.segment_check import Leaves, SegmentFacts
from ledger.sound_reading import sound_lines
from ledger.tree_head import TreeHead, stored_tree_head
from ledger.tree_records import BLOCK_LEVEL, BLOCK_SIZE, BadRecord, FileBytes, TreeRecords
from ledger.walk import Line

__all__ = ["check_derived", "check_index"]

_AT_ONCE = 256


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
    if log.nameless or log.position != mark.position:
        findings.note("tree", expected="a leaf hash of every line", found="lines are lost")
        return ""
    _check_tree(folder, ledger_id, log.leaves, findings)
    _check_tree_head(folder, ledger_id, mark, log.leaves, findings)
    return _root_at(folder, mark, log.leaves, mark.position).hex()


def _root_at(folder: LedgerFolder, mark: Mark, leaves: Leaves, size: int) -> bytes:
    """Give the Merkle root of the first ``size`` lines of a log that was checked."""

    def subtree(level: int, index: int) -> bytes:
        if level >= BLOCK_LEVEL:
            width = 1 << level - BLOCK_LEVEL
            return perfect_root(leaves.blocks[index * width : (index + 1) * width])
        block, first = divmod(index << level, BLOCK_SIZE)
        found = leaves.open
        if block < len(leaves.blocks):
            begin = block * BLOCK_SIZE
            lines = sound_lines(folder, mark, begin, begin + BLOCK_SIZE)
            found = [bytes.fromhex(line.end.leaf) for line in lines if isinstance(line, Line)]
        return perfect_root(found[first : first + (1 << level)])

    return tree_root(size, subtree)


def _check_tree(folder: LedgerFolder, ledger_id: str, leaves: Leaves, findings: Findings) -> None:
    """Compare the file ``tree`` with the subtrees of 256 lines that were recomputed."""
    records = TreeRecords(FileBytes(folder.tree), ledger_id)
    blocks = min(records.blocks, len(leaves.blocks))
    for first in range(0, blocks, _AT_ONCE):
        count = min(_AT_ONCE, blocks - first)
        try:
            known = records.hashes(BLOCK_LEVEL, first, count)
        except BadRecord:
            findings.note("tree", expected="whole records", found="damaged; it will be made anew")
            return
        for number, (hash_, true) in enumerate(
            zip(known, leaves.blocks[first : first + count], strict=True), first
        ):
            if hash_ != true:
                findings.add(
                    "tree",
                    segment=folder.tree.name,
                    position=number * BLOCK_SIZE + 1,
                    expected=f"subtree hash {true.hex()}",
                    found=hash_.hex(),
                )
                return


def _check_tree_head(
    folder: LedgerFolder, ledger_id: str, mark: Mark, leaves: Leaves, findings: Findings
) -> None:
    """Compare the tree head that was signed last with the root at its size."""
    try:
        head = stored_tree_head(folder)
    except BadEvidence as error:
        findings.add("tree-head", segment="tree-head", expected="a tree head", found=error.reason)
        return
    except OSError as error:
        findings.add(
            "tree-head", segment="tree-head", expected="a file", found=error.strerror or str(error)
        )
        return
    if head is None:
        return
    expected, found = _compare(folder, ledger_id, mark, leaves, head)
    if expected:
        findings.add(
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
    root = _root_at(folder, mark, leaves, head.size)
    if root != head.root:
        return f"root {head.root.hex()} of the first {head.size} lines", root.hex()
    return "", ""
