"""Read a damaged log: what is sound in it, in order, and which positions are out of reach.

Contract: the positions of the lines given and those of the ranges together are the ones asked for,
each once. A line is sound when it passes its CRC, its position can be right where it lies, and the
line after it, where that is there, refers to it.

Each segment is read twice, once to find what belongs together and once to give it, so this is
taken only where plain reading met a flaw.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from ledger.disk.files import open_file, read_range, what_is_there
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.mark import Mark
from ledger.errors import BadLine
from ledger.line.codec import MAX_LINE, ZERO_HASH, decode_envelope
from ledger.line.fragments import Fragment, choose_fragments, find_fragments, split_lines
from ledger.line.walk import End, Flaw, Line, line_at, walk

__all__ = ["OutOfReach", "Repairs", "pieces_of", "sound_end", "sound_lines"]

_PIECE = 1 << 20
_NO_LIMIT = 1 << 62
_MISSING = "the lines are missing"
_DISOWNED = "the line after it refers to another one"
_SUPERFLUOUS = "bytes that are no line of this log"


class OutOfReach(msgspec.Struct, frozen=True):
    """Positions that cannot be read, and the bytes in their place.

    ``last`` is ``first - 1`` where bytes are there that hold no position. ``size`` is 0 where the
    lines are gone. ``repaired``: somebody has seen it and let the log go on.
    """

    first: int
    last: int
    segment: str
    offset: int
    size: int
    reason: str
    repaired: bool = False

    @property
    def count(self) -> int:
        """How many positions."""
        return self.last - self.first + 1


Repairs = Callable[[OutOfReach], bool]
"""Tells whether a range was repaired: listed in the log, and still as it was then."""


def _known(item: OutOfReach, repairs: Repairs | None) -> OutOfReach:
    repaired = repairs is not None and repairs(item)
    return msgspec.structs.replace(item, repaired=True) if repaired else item


def sound_lines(
    folder: LedgerFolder,
    mark: Mark,
    after: int = 0,
    until: int | None = None,
    *,
    repairs: Repairs | None = None,
) -> Iterator[Line | OutOfReach]:
    """Yield the sound lines after a position, and in between what is out of reach.

    Args:
        folder: the data folder.
        mark: how far the log goes.
        after: only what comes after this position.
        until: only up to this one; up to the mark where it is None.
        repairs: tells of a range, before it is cut to what was asked for, whether it was repaired.
    """
    until = mark.position if until is None else min(until, mark.position)
    for item in _without_disowned(_items(folder, mark, after, until)):
        if isinstance(item, Line):
            if item.end.position > until:
                return
            if item.end.position > after:
                yield item
        elif item.count == 0:
            if after < item.first <= until + 1:
                yield _known(item, repairs)
        elif item.last > after and item.first <= until:
            first, last = max(item.first, after + 1), min(item.last, until)
            yield msgspec.structs.replace(_known(item, repairs), first=first, last=last)


def _items(folder: LedgerFolder, mark: Mark, after: int, until: int) -> Iterator[Line | OutOfReach]:
    segments = [first for first in folder.segments() if first <= mark.segment]
    begin = max(sum(first <= after + 1 for first in segments) - 1, 0)
    if not segments:
        yield OutOfReach(1, mark.position, segment_name(mark.segment), 0, 0, _MISSING)
        return
    low = segments[begin] if begin else 1
    end = End(segments[begin], 0, low - 1, ZERO_HASH if low == 1 else "")
    for number in range(begin, len(segments)):
        if low > until + 1:
            return
        first = segments[number]
        is_last = number + 1 == len(segments)
        high = mark.position if is_last else segments[number + 1] - 1
        durable = mark.offset if first == mark.segment else None
        leaf = "" if is_last else _named_by(folder, segments[number + 1])
        found = _segment_items(folder, End(first, 0, low - 1, end.leaf), high, durable, leaf)
        for item in found:
            if isinstance(item, Line):
                end = item.end
                low = end.position + 1
            else:
                low = max(low, item.last + 1)
            yield item


def pieces_of(fd: int, start: int, stop: int, size: int = _PIECE) -> Iterator[bytes]:
    """Yield the bytes of a file piece by piece; less where it is shorter by now."""
    while start < stop:
        piece = read_range(fd, start, min(stop, start + size))
        if not piece:
            return
        start += len(piece)
        yield piece


def _named_by(folder: LedgerFolder, first: int) -> str:
    """Read which leaf hash the first line of a segment refers to; empty where it cannot tell."""
    try:
        fd = open_file(folder.segment(first))
    except OSError:
        return ""
    try:
        envelope = decode_envelope(read_range(fd, 0, MAX_LINE).partition(b"\n")[0])
    except BadLine:
        return ""
    finally:
        os.close(fd)
    return envelope.prev if envelope.position == first else ""


def _segment_items(
    folder: LedgerFolder, end: End, high: int, durable: int | None, leaf: str
) -> Iterator[Line | OutOfReach]:
    """Yield what one segment holds of the positions after ``end`` up to ``high``.

    The next segment refers to a last line with the leaf hash ``leaf``.
    """
    name = segment_name(end.segment)
    try:
        fd = open_file(folder.segment(end.segment))
    except OSError as error:
        cause = what_is_there(error) or os.strerror(error.errno or 0)
        reason = f"the segment cannot be read: {cause}"
        yield OutOfReach(end.position + 1, high, name, 0, 0, reason)
        return
    try:
        size = os.fstat(fd).st_size
        found = find_fragments(split_lines(pieces_of(fd, 0, size)), end.position + 1, high)
        for fragment, last in choose_fragments(found, leaf):
            if fragment.start > end.offset or fragment.first > end.position + 1:
                yield _gap(fd, end, fragment.first - 1, fragment.start)
            for line in _lines_of(fd, end.segment, fragment, last):
                end = line.end
                yield line
        # Above the durable mark lies what was never acknowledged.
        stop = size if durable is None else min(size, durable)
        if end.position < high or end.offset < stop:
            yield _gap(fd, end, max(high, end.position), max(stop, end.offset))
    finally:
        os.close(fd)


def _lines_of(fd: int, segment: int, fragment: Fragment, last: int) -> Iterator[Line]:
    for offset, raw in split_lines(pieces_of(fd, fragment.start, fragment.stop), fragment.start):
        envelope = decode_envelope(raw)
        if envelope.position > last:
            return
        yield line_at(envelope, raw, segment, offset)


def _gap(fd: int, end: End, last: int, stop: int) -> OutOfReach:
    """Say what lies between two sound places, and why it is not sound."""
    size = stop - end.offset
    reason = _MISSING
    if size:
        data = read_range(fd, end.offset, min(stop, end.offset + MAX_LINE + 1))
        item = next(walk(data, end), None)
        # Where the line before is not known, nothing can be told of what refers to it.
        if isinstance(item, Flaw) and (end.leaf or not item.disowns):
            reason = item.reason
        else:
            reason = _SUPERFLUOUS
    first = end.position + 1
    return OutOfReach(first, last, segment_name(end.segment), end.offset, size, reason)


def _without_disowned(items: Iterable[Line | OutOfReach]) -> Iterator[Line | OutOfReach]:
    """Take out each line that the next one does not refer to, though it comes right after it."""
    before: list[OutOfReach] = []
    held: Line | None = None
    behind: list[OutOfReach] = []
    for item in items:
        if isinstance(item, OutOfReach):
            behind.append(item)
            continue
        if held is not None and _disowns(item, held):
            before += [_disowned(held), *behind]
        else:
            yield from _joined(before)
            if held is not None:
                yield held
            before = behind
        held, behind = item, []
    yield from _joined(before)
    if held is not None:
        yield held
    yield from _joined(behind)


def _disowns(line: Line, before: Line) -> bool:
    follows = line.end.position == before.end.position + 1
    return follows and line.envelope.prev != before.end.leaf


def _disowned(line: Line) -> OutOfReach:
    position, name = line.end.position, segment_name(line.end.segment)
    size = line.end.offset - line.start
    return OutOfReach(position, position, name, line.start, size, _DISOWNED)


def _joined(ranges: Sequence[OutOfReach]) -> Iterator[OutOfReach]:
    """Make one of ranges whose bytes lie side by side."""
    joined: OutOfReach | None = None
    for item in ranges:
        if joined is None:
            joined = item
        elif (item.segment, item.offset) == (joined.segment, joined.offset + joined.size):
            last = max(joined.last, item.last)
            joined = msgspec.structs.replace(joined, last=last, size=joined.size + item.size)
        else:
            yield joined
            joined = item
    if joined is not None:
        yield joined


def sound_end(folder: LedgerFolder) -> Mark:
    """Find the end of the last sound batch of a log whose durable mark is lost.

    Where a newer segment holds none, the log ends where that one begins: it was only made once all
    before it was on disk.
    """
    begun: int | None = None
    for first in reversed(folder.segments()):
        try:
            fd = open_file(folder.segment(first))
        except OSError:
            continue
        try:
            end = _last_batch(fd, first)
        finally:
            os.close(fd)
        if end is not None:
            return Mark(begun, 0, begun - 1) if begun else Mark(first, end.offset, end.position)
        begun = begun or first
    return Mark(1, 0, 0)


def _last_batch(fd: int, first: int) -> End | None:
    """Find the last sound line of a segment that ends a batch."""
    pieces = pieces_of(fd, 0, os.fstat(fd).st_size)
    end: End | None = None
    for fragment, last in choose_fragments(find_fragments(split_lines(pieces), 1, _NO_LIMIT)):
        for line in _lines_of(fd, first, fragment, last):
            end = end if line.envelope.rest else line.end
    return end
