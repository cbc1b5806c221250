"""Sign the tree head.

Guarantees. Nothing is signed beyond the durable mark, and nothing that contradicts the head in
``tree-head``: the log must still hold all that was signed before. The root that is signed is made
of the head signed before and of the lines since; nothing is taken from the file ``tree`` on trust.

Whoever deletes ``tree-head`` takes the comparison away, so a copy of each head belongs elsewhere
(see docs/audit.md).
"""

from __future__ import annotations

import os

from ledger.disk.files import open_file, replace_atomically
from ledger.disk.folder import LedgerFolder
from ledger.disk.lock import FolderLock
from ledger.disk.mark import read_mark
from ledger.errors import LedgerReplaced, LedgerUnwritable, NotProven
from ledger.evidence.extension import departure
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree import LedgerTree, root_from_lines
from ledger.evidence.tree_head import TreeHead, origin_of, stored_tree_head
from ledger.reading.leaves import read_leaves
from ledger.reading.reader import LogReader

__all__ = ["sign_tree_head"]

_LOCK_TIMEOUT = 10.0


def sign_tree_head(
    reader: LogReader, key: SigningKey, *, tree: LedgerTree | None = None
) -> TreeHead:
    """Sign the head of all that is durable, and put it into ``tree-head``.

    Raises:
        LedgerReplaced: the log does not hold what was signed before; nothing is signed.
        NotProven: the key is that of another log.
        LedgerUnwritable: it is not known what is durable, or the folder cannot be written.
    """
    tree = tree or LedgerTree(reader)
    origin = origin_of(reader.identity)
    if key.name != origin:
        raise NotProven(f"the key is that of {origin}", f"it is the key of {key.name!r}")
    _check_mark(reader.folder)
    lock = FolderLock(reader.folder.lock, _LOCK_TIMEOUT)
    try:
        while True:
            stored = stored_tree_head(reader.folder)
            signed = _signed_after(stored, reader, tree, key)
            with lock.hold():
                # Another process may have signed a later one meanwhile, which must stay.
                if stored_tree_head(reader.folder) == stored:
                    if signed != stored:
                        replace_atomically(reader.folder.tree_head, signed.encode())
                    return signed
    finally:
        lock.close()


def _check_mark(folder: LedgerFolder) -> None:
    reason = "it has no durable mark, so what is on disk is not known: append to it, or open it"
    try:
        fd = open_file(folder.lock)
    except FileNotFoundError:
        raise LedgerUnwritable(folder.path, reason) from None
    try:
        if read_mark(fd) is None:
            raise LedgerUnwritable(folder.path, reason)
    finally:
        os.close(fd)


def _signed_after(
    stored: TreeHead | None, reader: LogReader, tree: LedgerTree, key: SigningKey
) -> TreeHead:
    """Sign the current head, after making sure that it extends the one signed before."""
    origin, size = origin_of(reader.identity), tree.extend()
    if stored is None:
        return TreeHead(origin, size, root_from_lines(reader, size)).sign(key)
    own = _is_own(stored, key)
    reason = departure(reader, tree, stored, quick=own)
    if reason:
        raise LedgerReplaced(
            reader.folder.path,
            f"it does not hold what was signed before: {reason}; nothing was signed."
            f" Compare it with a backup; {reader.folder.tree_head.name} says what was signed",
        )
    if own and stored.size == size:
        return stored
    root = _grown(reader, tree, stored, size) if own else None
    return TreeHead(origin, size, root or root_from_lines(reader, size)).sign(key)


def _is_own(stored: TreeHead, key: SigningKey) -> bool:
    """Tell whether a head was signed by this key: then its root can be built upon."""
    try:
        stored.check_signature(key.verifier_key)
    except NotProven:
        return False
    return True


def _grown(reader: LogReader, tree: LedgerTree, stored: TreeHead, size: int) -> bytes | None:
    """Give the root of ``size`` lines from the head signed before and the lines since.

    None where the file ``tree`` does not lead to that head: then every line must be read.
    """
    frontier = tree.frontier(stored.size)
    if frontier.root() != stored.root:
        return None
    for leaf in read_leaves(reader, stored.size, size):
        frontier.add(leaf)
    return frontier.root() if frontier.size == size else None
