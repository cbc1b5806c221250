"""The root of a whole tree, leaf by leaf: what the short ways to a root are compared with."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.evidence.merkle import Frontier

__all__ = ["root_of"]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Give the root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.add(leaf)
    return frontier.root()
