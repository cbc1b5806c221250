"""What a damaged log did not let be read: kept beside the rows, and shown with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from ledger.events import LedgerRepaired
from ledger.line.replayed import ReplayedEvent, is_unread
from ledger.reading.sound_reading import OutOfReach
from projections.read_model.queries import query

__all__ = ["note_out_of_reach", "ranges_of", "ranges_text"]

_REPAIRED = LedgerRepaired.type


def note_out_of_reach(
    connection: sqlite3.Connection,
    losses: Iterable[OutOfReach],
    events: Iterable[ReplayedEvent],
) -> None:
    """Keep the ranges that could not be read, and drop those that a repair has passed over."""
    for lost in losses:
        if not lost.repaired:
            connection.execute(query("put_out_of_reach"), msgspec.structs.astuple(lost)[:6])
    for event in events:
        if event.type == _REPAIRED and not is_unread(event):
            for skipped in event.data.skipped:
                place = (str(skipped.get("segment")), skipped.get("offset"))
                connection.execute(query("drop_out_of_reach"), place)


def ranges_of(rows: Iterable[Sequence[object]]) -> list[OutOfReach]:
    """Give the ranges that were kept."""
    return [msgspec.convert(dict(zip(_FIELDS, row, strict=True)), OutOfReach) for row in rows]


_FIELDS = ("first", "last", "segment", "offset", "size", "reason")


def ranges_text(ranges: Iterable[OutOfReach]) -> str:
    """Write the positions of ranges, like ``3-5, 9``."""
    return ", ".join(
        str(item.first) if item.count == 1 else f"{item.first}-{item.last}"
        for item in ranges
        if item.count
    )
