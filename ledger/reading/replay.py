"""Replay: read a log from a position on as fast as its bytes can be checked and decoded.

Each line's CRC and position are checked, many at a time. The chain is not: a line that is whole by
itself is what was written there, and ``verify`` shows the rest. Where anything is not as it must
be, the careful reader takes over, which names the damage or passes over what was repaired.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress

import msgspec

from ledger.disk.files import read_range
from ledger.disk.folder import segment_name
from ledger.disk.mark import Mark
from ledger.errors import BadLine, LedgerDamaged, LedgerReplaced
from ledger.line.codec import leaf_hash
from ledger.line.replayed import ReplayedEvent, decode_replayed, decode_together
from ledger.line.walk import Line
from ledger.reading.line_before import open_present
from ledger.reading.reader import LogReader

__all__ = ["Stretch", "replay", "replay_run"]

# So little that all of it, decoded, stays in the cache of a core while it is folded.
_CHUNK = 1 << 16
_CAREFUL = 500
_TOGETHER = 100
_CRC_WIDTH = len(b',"crc":"00000000"}')


class _Referring(msgspec.Struct, frozen=True, gc=False):
    """Of a line, what it says of the one before."""

    prev: str


_decode_referring = msgspec.json.Decoder(_Referring).decode


class Stretch(msgspec.Struct, frozen=True):
    """Events that follow each other in the log, and their lines without the newlines."""

    events: Sequence[ReplayedEvent]
    lines: Sequence[bytes]

    @property
    def prev(self) -> str:
        """The leaf hash that the first line gives for the one before it."""
        return _decode_referring(self.lines[0]).prev

    @property
    def position(self) -> int:
        """The position of the last event."""
        return self.events[-1].position

    @property
    def leaf(self) -> str:
        """The leaf hash of the last line, 64 hex digits."""
        return leaf_hash(self.lines[-1])


class _Unusual(Exception):
    """Something the quick way does not know; the careful way decides what it is."""


def replay(reader: LogReader, after: int = 0, until: int | None = None) -> Iterator[Stretch]:
    """Yield the events after a position, in order, up to ``until`` or the durable mark.

    Raises:
        LedgerDamaged: a line below the mark is not what was written.
        LedgerReplaced: the log is shorter than it was.
    """
    mark = reader.mark()
    last = mark.position if until is None else min(until, mark.position)
    with suppress(_Unusual, LedgerDamaged, LedgerReplaced):
        for stretch in _quickly(reader, after, last, mark):
            yield stretch
            after = stretch.position
            if after == mark.position:
                reader.places.note_last(mark, stretch.lines[-1])
    if after < last:
        yield from _carefully(reader, after, last, mark)


def replay_run(reader: LogReader, run_id: str, until: int | None = None) -> Iterator[ReplayedEvent]:
    """Yield one run's events, in order, found by the index.

    Raises:
        LedgerDamaged: a line of the run is not what was written, or one is missing.
    """
    lines: list[bytes] = []
    try:
        for line in reader.run_lines(run_id, until):
            lines.append(line.raw)
            if len(lines) >= _TOGETHER:
                yield from decode_together(lines)
                lines = []
    except (LedgerDamaged, LedgerReplaced):
        yield from decode_together(lines)
        raise
    yield from decode_together(lines)


def _quickly(reader: LogReader, after: int, last: int, mark: Mark) -> Iterator[Stretch]:
    segments = [first for first in reader.folder.segments() if first <= mark.segment]
    begin = max((first for first in segments if first <= after + 1), default=1)
    for first in segments:
        if first < begin or after >= last:
            continue
        fd = open_present(reader.folder.segment(first))
        try:
            stop = mark.offset if first == mark.segment else os.fstat(fd).st_size
            at = reader.seek(fd, first, stop, after).offset if after >= first else 0
            with closing(_stretches(fd, at, stop, after, last)) as stretches:
                for stretch in stretches:
                    yield stretch
                    after = stretch.position
        finally:
            os.close(fd)


def _stretches(
    fd: int, at: int, stop: int, after: int, last: int
) -> Generator[Stretch, None, None]:
    """Read one segment in pieces of whole lines."""
    pending = b""
    while at < stop and after < last:
        piece = read_range(fd, at, min(stop, at + _CHUNK))
        at += len(piece)
        lines = (pending + piece).split(b"\n")
        pending = lines.pop()
        if not piece or (at >= stop and pending):
            raise _Unusual
        if not lines:
            continue
        lines = lines[: last - after]
        events = _checked(lines, after + 1)
        yield Stretch(events, lines)
        after += len(lines)


def _checked(lines: Sequence[bytes], first: int) -> Sequence[ReplayedEvent]:
    """Check the CRCs and positions of lines, and decode them."""
    sums = tuple([zlib.crc32(line[:-_CRC_WIDTH]) for line in lines])
    suffixes = b"".join([line[-_CRC_WIDTH:] for line in lines])
    # One format for all: to format each line's own costs as much as to compute its CRC.
    if suffixes != b',"crc":"%08x"}' * len(lines) % sums:
        raise _Unusual
    try:
        events = decode_together(lines)
    except BadLine:
        raise _Unusual from None
    if [event.position for event in events] != list(range(first, first + len(lines))):
        raise _Unusual
    return events


def _carefully(reader: LogReader, after: int, last: int, mark: Mark) -> Iterator[Stretch]:
    """Give what the careful reader reads, which knows of repairs and names what is damaged."""
    events: list[ReplayedEvent] = []
    lines: list[bytes] = []
    try:
        for line in reader.read_lines(after, last, mark=mark):
            events.append(_event_of(line))
            lines.append(line.raw)
            if len(events) >= _CAREFUL:
                yield Stretch(events, lines)
                events, lines = [], []
    except (LedgerDamaged, LedgerReplaced):
        if events:
            yield Stretch(events, lines)
        raise
    if events:
        yield Stretch(events, lines)


def _event_of(line: Line) -> ReplayedEvent:
    try:
        return decode_replayed(line.raw)
    except BadLine as error:
        name = segment_name(line.end.segment)
        raise LedgerDamaged(name, line.end.position, line.start, error.reason) from None
