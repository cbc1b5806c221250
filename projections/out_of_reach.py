"""What a damaged log did not let be read: kept beside the rows, and shown with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from ledger import RecordedEvent
from ledger.events import LedgerRepaired
from ledger.sound_reading import OutOfReach
from projections.queries import query

__all__ = ["note_out_of_reach", "ranges_of", "ranges_text"]


def note_out_of_reach(
    connection: sqlite3.Connection, items: Iterable[RecordedEvent | OutOfReach]
) -> None:
    """Keep the ranges that could not be read, and drop those that a repair has passed over."""
    for item in items:
        if isinstance(item, OutOfReach):
            if not item.repaired:
                connection.execute(query("put_out_of_reach"), msgspec.structs.astuple(item)[:6])
        elif isinstance(item.data, LedgerRepaired):
            for skipped in item.data.skipped:
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
