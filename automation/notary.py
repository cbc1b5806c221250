"""The notary: signs the tree head when a server holds the key.

A signature says what the log held up to a position. It is made at each rotation, and every minute
when something was appended, so what an attacker could still rewrite unseen is a minute's worth.
Pipelines never need the key; the process that signs is another one, best under another user.
"""

from __future__ import annotations

import time

from ledger import LogReader
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree import LedgerTree
from ledger.evidence.tree_head import TreeHead
from ledger.evidence.tree_head_signing import sign_tree_head

__all__ = ["Notary"]

_INTERVAL = 60.0


class Notary:
    """Signs the heads of one log, as often as there is something to sign."""

    def __init__(self, reader: LogReader, key: SigningKey, *, interval: float = _INTERVAL) -> None:
        """Sign what ``reader`` reads with ``key``, at most once an interval within a segment."""
        self._reader = reader
        self._key = key
        self._interval = interval
        self._tree = LedgerTree(reader)
        self._segment = 0
        self._position = 0
        self._signed_at = 0.0

    def sign_if_due(self) -> TreeHead | None:
        """Sign if the log has grown and a minute has passed, or a segment was begun.

        Raises:
            LedgerReplaced: the log does not hold what was signed before.
            NotProven: the key is that of another log.
            LedgerUnwritable: the head cannot be written.
        """
        mark = self._reader.mark()
        if mark.position == self._position:
            return None
        rotated = mark.segment != self._segment
        if not rotated and time.monotonic() - self._signed_at < self._interval:
            return None
        head = sign_tree_head(self._reader, self._key, tree=self._tree)
        self._segment, self._position = mark.segment, head.size
        self._signed_at = time.monotonic()
        return head
