"""Walk raw bytes line by line, and say where whole batches end. Bytes and values only.

The one check of order that opening, catching up with other writers, reading and verifying share:
each line ends with a newline, passes its CRC, has the next position, names the line before by its
leaf hash, and its batch counts down to 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ledger.errors import BadLine
from ledger.line.codec import ZERO_HASH, Envelope, decode_envelope, leaf_hash

__all__ = ["END_OF_NOTHING", "End", "Flaw", "Line", "line_at", "walk", "whole_batches"]


class End(msgspec.Struct, frozen=True, gc=False):
    """Where a log ends, and what its next line must refer to.

    ``offset`` is in ``segment``, which is named by its first position; ``recorded_at`` is the last
    line's, 27 characters, or empty where there is none.
    """

    segment: int
    offset: int
    position: int
    leaf: str
    recorded_at: str = ""


END_OF_NOTHING = End(1, 0, 0, ZERO_HASH)


class Line(msgspec.Struct, frozen=True):
    """One sound line: its envelope, its raw bytes without the newline, and the end after it."""

    envelope: Envelope
    raw: bytes
    start: int
    end: End


class Flaw(msgspec.Struct, frozen=True):
    """The first place that is not as it must be.

    ``disowns``: a line that is sound by itself refers to another one than the one before it.
    """

    offset: int
    position: int
    reason: str
    disowns: bool = False


class _Disowned(BadLine):
    """The line is right but for what it says of the one before it."""


def walk(data: bytes, end: End) -> Iterator[Line | Flaw]:
    """Yield the sound lines of ``data``, which lies right after ``end``, then a flaw if any.

    Bytes after the last newline are a flaw: a line without its newline was never finished.
    """
    start, rest = 0, 0
    while start < len(data):
        stop = data.find(b"\n", start)
        if stop < 0:
            yield Flaw(end.offset, end.position + 1, _unfinished(data[start:]))
            return
        raw = data[start:stop]
        try:
            envelope = decode_envelope(raw)
            _check_place(envelope, end, rest)
        except BadLine as error:
            disowns = isinstance(error, _Disowned)
            yield Flaw(end.offset, end.position + 1, error.reason, disowns)
            return
        rest = envelope.rest
        line = line_at(envelope, raw, end.segment, end.offset)
        end = line.end
        yield line
        start = stop + 1


def line_at(envelope: Envelope, raw: bytes, segment: int, start: int) -> Line:
    """Give a line that was decoded, as one that begins at a place; ``raw`` has no newline."""
    stop = start + len(raw) + 1
    end = End(segment, stop, envelope.position, leaf_hash(raw), envelope.recorded_at)
    return Line(envelope, raw, start, end)


def _unfinished(tail: bytes) -> str:
    if not tail.strip(b"\x00"):
        return f"{len(tail)} NUL bytes in place of a line"
    return f"{len(tail)} bytes without a newline"


def _check_place(envelope: Envelope, end: End, rest: int) -> None:
    if envelope.position != end.position + 1:
        raise BadLine(f"position is {envelope.position}, expected {end.position + 1}")
    if envelope.prev != end.leaf:
        raise _Disowned(f"prev is {envelope.prev}, expected {end.leaf}")
    if envelope.rest < 0 or (rest and envelope.rest != rest - 1):
        raise BadLine(f"rest is {envelope.rest}, expected {rest - 1 if rest else 'at least 0'}")


def whole_batches(data: bytes, end: End) -> tuple[list[Line], Flaw | None]:
    """Collect the lines of all whole batches in ``data``, and what spoils the bytes after them.

    A batch is all or nothing: lines of one whose last line (``rest`` 0) is missing are left out,
    and the flaw then lies at the batch's first line.
    """
    lines: list[Line] = []
    batch: list[Line] = []
    flaw: Flaw | None = None
    for item in walk(data, end):
        if isinstance(item, Flaw):
            flaw = item
            break
        batch.append(item)
        if item.envelope.rest == 0:
            lines += batch
            batch = []
    if batch:
        first = batch[0]
        missing = batch[-1].envelope.rest
        reason = flaw.reason if flaw else f"{missing} lines missing"
        flaw = Flaw(first.start, first.envelope.position, f"half a batch: {reason}")
    return lines, flaw
