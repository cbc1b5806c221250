"""Whether the log still holds all that an earlier tree head counted, in the same order.

This is what catches a rollback and a rewritten past, for anyone who kept a head: neither a checksum
nor the chain can, since whoever rewrites the log makes those right again.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.errors import NotProven
from ledger.evidence.merkle import verify_consistency, verify_inclusion
from ledger.evidence.tree import LedgerTree, root_from_lines
from ledger.evidence.tree_head import TreeHead, current_tree_head, origin_of
from ledger.reading.reader import LogReader

__all__ = ["Extension", "check_extends", "departure"]


@dataclass(frozen=True, slots=True)
class Extension:
    """Proof that a log extends an earlier head: what RFC 6962 calls a consistency proof."""

    old: TreeHead
    new: TreeHead
    proof: tuple[bytes, ...]


def check_extends(
    reader: LogReader, old: TreeHead, *, quick: bool = False, tree: LedgerTree | None = None
) -> Extension:
    """Show that the log still holds all that an earlier head counted, in the same order.

    Args:
        reader: the log.
        old: the head that was kept. Check its signature before, where it may have been swapped.
        quick: check the last line that the head counts, and trust the chain before it, which
            ``runfold verify`` checks; without, read every line. Milliseconds against seconds.
        tree: the tree of this log, where there is one already.

    Raises:
        NotProven: it does not; says how.
        LedgerDamaged: a line is not what was written.
    """
    tree = tree or LedgerTree(reader)
    reason = departure(reader, tree, old, quick=quick) or _loss(reader, old, quick=quick)
    if reason:
        raise NotProven(f"the log extends the tree head of size {old.size}", reason)
    extension = _extension(reader, tree, old)
    if extension is None:
        # The lines were just found to agree, so it is the derived file that does not.
        tree.rebuild()
        extension = _extension(reader, tree, old)
    if extension is None:
        raise NotProven(f"the log extends the tree head of size {old.size}", "it changes just now")
    return extension


def departure(reader: LogReader, tree: LedgerTree, old: TreeHead, *, quick: bool) -> str | None:
    """Say how the log departs from an earlier head; None where it does not."""
    origin = origin_of(reader.identity)
    if old.origin != origin:
        return f"that is a head of another log, {old.origin!r}; this is {origin!r}"
    size = tree.extend()
    if old.size > size:
        return (
            f"the log ends at position {size}, and {old.size} lines were there:"
            " it was cut or rolled back (after a power cut, open it for writing once, then retry)"
        )
    if quick and old.size and _holds_last_line(tree, old):
        return None
    if root_from_lines(reader, old.size) == old.root:
        return None
    return f"the first {old.size} lines have another root now: the past was rewritten"


def _loss(reader: LogReader, old: TreeHead, *, quick: bool) -> str | None:
    """Say that lines are gone, although what follows them still tells their hashes."""
    lost = reader.count_lost(old.size, search=not quick)
    if not lost:
        return None
    lines = "1 line" if lost == 1 else f"{lost} lines"
    return (
        f"the hashes agree, but {lines} of the first {old.size} can no longer be read: damage that"
        " a repair has passed over, as runfold verify shows"
    )


def _holds_last_line(tree: LedgerTree, old: TreeHead) -> bool:
    """Tell whether the line at the head's size is the one the head has there.

    That line names all before it through the chain. Nothing is taken from the file ``tree`` on
    trust: the proof made of it must lead from the line to the root that was kept.
    """
    index = old.size - 1
    proof = tree.inclusion_proof(index, old.size)
    return verify_inclusion(index, old.size, leaf=tree.leaf(index), proof=proof, root=old.root)


def _extension(reader: LogReader, tree: LedgerTree, old: TreeHead) -> Extension | None:
    new = current_tree_head(reader, tree)
    if new.size < old.size:
        return None
    proof = tuple(tree.consistency_proof(old.size, new.size))
    sizes = (old.size, new.size)
    if verify_consistency(*sizes, old_root=old.root, new_root=new.root, proof=proof):
        return Extension(old, new, proof)
    return None
