"""The leaf hash of every position, also of those that a repair gave up, so that none is shifted.

The last lost line before a sound one is named by that one's ``prev``. What nothing names any more
is stood for by the leaf hash of no bytes: the root over it is another than before the loss, and
each tree head signed then shows that.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.line.codec import leaf_hash
from ledger.reading.reader import LogReader

__all__ = ["NAMELESS", "read_leaves"]

NAMELESS = bytes.fromhex(leaf_hash(b""))


def read_leaves(reader: LogReader, after: int, until: int) -> Iterator[bytes]:
    """Yield the leaf hashes of the positions after one up to another, which the log reaches.

    Raises:
        LedgerDamaged: a line is not what was written, and no repair has passed over it.
    """
    for line in reader.read_lines(after, until):
        yield from _lost(after, line.end.position - 1, line.envelope.prev)
        after = line.end.position
        yield bytes.fromhex(line.end.leaf)
    if after < until <= reader.position:
        behind = next(reader.read_lines(until), None)
        follows = behind is not None and behind.end.position == until + 1
        yield from _lost(after, until, behind.envelope.prev if behind and follows else "")


def _lost(after: int, last: int, prev: str) -> Iterator[bytes]:
    """Yield the leaf hashes of lost lines; ``prev`` names the last one's, if it is known."""
    for position in range(after + 1, last + 1):
        yield bytes.fromhex(prev) if position == last and prev else NAMELESS
