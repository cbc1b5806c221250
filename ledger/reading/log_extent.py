"""How much log there is: its segments, their sizes, and how far it is known to be on disk."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ledger.disk.files import open_file
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.mark import Mark, read_poison
from ledger.reading.reader import LogReader

__all__ = [
    "LogExtent",
    "Quarantined",
    "SegmentExtent",
    "extent_of",
    "poisoned_segment",
    "quarantined_in",
]


class SegmentExtent(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the log.

    Attributes:
        name: of the file.
        first: the first position in it.
        last: the last durable one; ``first - 1`` where there is none yet.
        size: in bytes.
        is_sealed: whether another one came after it, so that it changes no more.
    """

    name: str
    first: int
    last: int
    size: int
    is_sealed: bool


class LogExtent(msgspec.Struct, frozen=True, kw_only=True):
    """All files of a log.

    Attributes:
        position: the durable mark: the last position that is known to be on disk.
        size: of all segments, in bytes.
        segments: in order.
        above: how many bytes lie above the durable mark: an append on its way to the disk, or a
            torn tail.
        poisoned: the name of the segment whose sync failed; None where none did.
    """

    position: int
    size: int
    segments: tuple[SegmentExtent, ...]
    above: int
    poisoned: str | None


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """Torn bytes that recovery cut off and kept: the name of their file, and how many."""

    name: str
    size: int


def extent_of(reader: LogReader) -> LogExtent:
    """Measure a log; nothing of it is read.

    Raises:
        LedgerDamaged: it is not known how far the log goes.
    """
    folder, mark = reader.folder, reader.mark()
    firsts, poisoned = folder.segments(), poisoned_segment(folder)
    sizes = [_size(folder.segment(first)) for first in firsts]
    lasts = [*(first - 1 for first in firsts[1:]), mark.position][: len(firsts)]
    return LogExtent(
        position=mark.position,
        size=sum(sizes),
        segments=tuple(
            SegmentExtent(
                name=segment_name(first),
                first=first,
                last=max(first - 1, min(last, mark.position)),
                size=size,
                is_sealed=first != firsts[-1],
            )
            for first, last, size in zip(firsts, lasts, sizes, strict=True)
        ),
        above=sum(_above(mark, *each) for each in zip(firsts, sizes, strict=True)),
        poisoned=None if poisoned is None else segment_name(poisoned),
    )


def poisoned_segment(folder: LedgerFolder) -> int | None:
    """Name the segment whose sync failed, by its first position; None where none did."""
    try:
        fd = open_file(folder.lock)
    except OSError:
        return None
    try:
        return read_poison(fd)
    finally:
        os.close(fd)


def quarantined_in(folder: LedgerFolder) -> tuple[Quarantined, ...]:
    """List what recovery has cut off and kept, in the order of the log."""
    try:
        paths = sorted(folder.quarantine.iterdir())
    except FileNotFoundError:
        return ()
    return tuple(Quarantined(name=path.name, size=_size(path)) for path in paths)


def _above(mark: Mark, first: int, size: int) -> int:
    if first < mark.segment:
        return 0
    return max(0, size - mark.offset) if first == mark.segment else size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
