"""Follow a log: the events behind a position, then those that come, while it is the same log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ledger.errors import LedgerDamaged, LedgerError, LedgerReplaced
from ledger.recorded import RecordedEvent

if TYPE_CHECKING:
    from ledger.reading.reader import LogReader

__all__ = ["follow"]


def follow(
    reader: LogReader, after: int, *, poll: float, timeout: float | None
) -> Iterator[RecordedEvent]:
    """Yield events as ``LogReader.follow`` says.

    Raises:
        LedgerReplaced: the log was cut, or is another one than before.
    """
    leaf = reader.leaf_at(after)
    waited = 0.0
    while True:
        for event in _come_since(reader, after, leaf):
            after, leaf, waited = event.position, event.leaf, 0.0
            yield event
        if timeout is not None and waited >= timeout:
            return
        time.sleep(poll)
        waited += poll


def _come_since(reader: LogReader, after: int, leaf: str) -> Iterator[RecordedEvent]:
    """Yield what came behind a position whose event has this leaf hash."""
    folder = reader.folder.path
    try:
        last = reader.position
        if last < after:
            raise LedgerReplaced(folder, f"it ends at {last}; {after} was read")
        for event in reader.read(after, last):
            # What a repair has passed over is between the two, if there is anything.
            if event.position == after + 1 and event.prev != leaf:
                raise LedgerReplaced(folder, f"position {after} is another event now")
            after, leaf = event.position, event.leaf
            yield event
    except LedgerDamaged:
        # What is missing may have been moved away with all the rest.
        if not _is_in_place(reader):
            raise LedgerReplaced(folder, "its ledger.json is another now, or gone") from None
        raise


def _is_in_place(reader: LogReader) -> bool:
    try:
        return reader.folder.identity() == reader.identity
    except LedgerError:
        return False
