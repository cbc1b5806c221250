"""What a check of the log found: each place that is not as it must be, and what was expected there.

``describe_range`` takes the bytes of a range that cannot be read apart, line by line, so that each
of several damaged lines beside each other is named.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from ledger.disk.files import open_file
from ledger.disk.folder import LedgerFolder
from ledger.errors import BadLine
from ledger.line.codec import MAX_LINE, decode_envelope
from ledger.reading.sound_reading import OutOfReach, pieces_of

__all__ = ["Finding", "Findings", "describe_range", "number_lines"]

_MOST = 1_000
_CRC_WIDTH = len(b',"crc":"00000000"}')
_SHOWN = 80
_PIECE = 1 << 20

_WORDS = {
    "crc": "the line was changed: its bytes come to {expected}, and it says {found}",
    "chain": "not {expected}, but {found}: it was rewritten",
    "format": "no line of the log: expected {expected}, found {found}",
    "missing": "{expected}: {found}",
    "newline": "expected {expected}, found one that does not: {found}",
    "superfluous": "expected {expected}, found {found}: it was put in, doubled or moved",
}
"""How a finding of a kind is told, where what it means is not plain from the two values."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One place, and what is wrong there.

    Attributes:
        kind: ``crc``, ``format``, ``length``, ``newline``, ``missing``, ``chain``, ``position``,
            ``superfluous``, ``batch``, ``sequence``, ``clock``, ``identity``, ``segment``,
            ``mark``, ``index``, ``tree`` or ``tree-head``; for notes also ``repaired``,
            ``torn tail``.
        segment: the file; empty where it is about the whole log.
        line: the 1-based line in the file; 0 where there is none.
        position: which position it is about; 0 where it is about none.
        offset: the byte in the file.
        expected: what should be there.
        found: what is there.
    """

    kind: str
    segment: str = ""
    line: int = 0
    position: int = 0
    offset: int = 0
    expected: str
    found: str

    def __str__(self) -> str:
        place = [self.segment] if self.segment else []
        place += [f"line {self.line}"] if self.line else []
        place += [f"position {self.position}"] if self.position else []
        place += [f"byte {self.offset}"] if self.line or self.offset else []
        where = ", ".join(place)
        return f"{where}: {self._what()}" if where else self._what()

    def _what(self) -> str:
        words = _WORDS.get(self.kind, "expected {expected}, found {found}")
        return f"{self.kind}: {words.format(expected=self.expected, found=self.found)}"


class Findings:
    """What is wrong, and what is worth knowing: the first thousand of each."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []
        self.more = False

    def add(self, kind: str, **fields: Any) -> None:  # what ``Finding`` takes
        """Add what is wrong."""
        self.take([Finding(kind=kind, **fields)])

    def note(self, kind: str, **fields: Any) -> None:
        """Add what is worth knowing and no damage."""
        if len(self.notes) < _MOST:
            self.notes.append(Finding(kind=kind, **fields))

    def take(self, findings: Iterable[Finding]) -> None:
        """Add several that are wrong."""
        for finding in findings:
            if len(self.findings) >= _MOST:
                self.more = True
                return
            self.findings.append(finding)


def describe_range(folder: LedgerFolder, item: OutOfReach) -> Iterator[Finding]:
    """Name each line in a range that cannot be read, and the positions that have none."""
    position, described = item.first, 0
    for offset, raw, ended in _raw_lines(folder, item):
        kind, expected, found = _describe_line(raw, position, item, ended=ended)
        yield Finding(
            kind=kind,
            segment=item.segment,
            position=position if position <= item.last else 0,
            offset=offset,
            expected=expected,
            found=found,
        )
        position += position <= item.last
        described += 1
    if position <= item.last:
        many = f"positions {position} to {item.last}"
        yield Finding(
            kind="missing",
            segment=item.segment,
            position=position,
            offset=item.offset + item.size,
            expected=f"position {position}" if position == item.last else many,
            found=f"only {item.size} bytes, {described} lines" if item.size else item.reason,
        )


def _describe_line(
    raw: bytes, position: int, item: OutOfReach, *, ended: bool
) -> tuple[str, str, str]:
    """Say of one line what kind of flaw it has, what was expected and what is there."""
    if not ended:
        return "newline", "a line that ends", _shown(raw)
    try:
        envelope = decode_envelope(raw)
    except BadLine as error:
        return _describe_bad_line(raw, error.reason)
    if position > item.last:
        return "superfluous", "no line here", f"a line at position {envelope.position}"
    if envelope.position != position:
        return "position", f"position {position}", f"position {envelope.position}"
    return "chain", "the line that the next one refers to", "another one, with a sound CRC"


def _describe_bad_line(raw: bytes, reason: str) -> tuple[str, str, str]:
    if len(raw) >= MAX_LINE:
        return "length", f"at most {MAX_LINE} bytes", f"{len(raw) + 1} bytes"
    crc = b"%08x" % zlib.crc32(raw[:-_CRC_WIDTH])
    suffix = raw[-_CRC_WIDTH:]
    if suffix.startswith(b',"crc":"') and suffix[8:16] != crc:
        return "crc", f"crc {crc.decode()}", f"crc {_shown(raw[-10:-2])}"
    if suffix != b',"crc":"%b"}' % crc:
        return "format", f'at the end ,"crc":"{crc.decode()}"}}', _shown(suffix)
    return "format", "a line of the format", f"{_shown(raw)}: {reason}"


def _shown(raw: bytes) -> str:
    if not raw.strip(b"\x00"):
        return f"{len(raw)} NUL bytes"
    text = ascii(raw[:_SHOWN])[2:-1]
    return f"{text}… ({len(raw)} bytes)" if len(raw) > _SHOWN else text


def _raw_lines(folder: LedgerFolder, item: OutOfReach) -> Iterator[tuple[int, bytes, bool]]:
    """Yield (offset, bytes, whether a newline follows); of long ones only the beginning."""
    if not item.size:
        return
    fd = open_file(folder.events / item.segment)
    try:
        at, length, begin = item.offset, 0, b""
        for piece in pieces_of(fd, item.offset, item.offset + item.size):
            for number, part in enumerate(piece.split(b"\n")):
                if number:
                    yield at, begin, True
                    at, length, begin = at + length + 1, 0, b""
                length += len(part)
                begin += part[: MAX_LINE - len(begin)]
        if length:
            yield at, begin, False
    finally:
        os.close(fd)


def number_lines(folder: LedgerFolder, findings: Sequence[Finding]) -> list[Finding]:
    """Put in which line of its segment each finding that names a byte is on."""
    wanted: dict[str, set[int]] = {}
    for finding in findings:
        if finding.segment.endswith(".jsonl"):
            wanted.setdefault(finding.segment, set()).add(finding.offset)
    lines = {
        (segment, offset): line
        for segment, offsets in wanted.items()
        for offset, line in _lines_at(folder, segment, sorted(offsets))
    }
    return [
        msgspec.structs.replace(finding, line=lines.get((finding.segment, finding.offset), 0))
        for finding in findings
    ]


def _lines_at(
    folder: LedgerFolder, segment: str, offsets: Iterable[int]
) -> Iterator[tuple[int, int]]:
    """Count the newlines before each offset, in one pass over the segment."""
    try:
        fd = open_file(folder.events / segment)
    except OSError:
        return
    try:
        at, line = 0, 1
        for offset in offsets:
            for piece in pieces_of(fd, at, offset, _PIECE):
                line += piece.count(b"\n")
            at = offset
            yield offset, line
    finally:
        os.close(fd)
