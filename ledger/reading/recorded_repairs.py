"""What repairs have passed over, as ``ledger_repaired`` says in the log itself.

A range counts as repaired only while its bytes are what they were then: further damage in the same
place is damage again. The events are looked for only where a reader has met a flaw.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import msgspec

from ledger.disk.files import open_file, read_range
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.mark import Mark
from ledger.errors import BadLine
from ledger.line.codec import MAX_LINE, decode_envelope
from ledger.payloads.derived import LedgerRepaired
from ledger.reading.sound_reading import OutOfReach, pieces_of

__all__ = ["DAMAGED", "RecordedRepairs", "Skipped", "bytes_of", "digest_of"]

DAMAGED = "damaged-"
"""What the name of a copy of damaged bytes in ``quarantine/`` begins with."""

_NEEDLE = b'"type":"%b"' % LedgerRepaired.type.encode()


class Skipped(msgspec.Struct, frozen=True):
    """One range that a repair has passed over: what ``skipped`` in the event holds of each."""

    segment: str
    offset: int
    size: int
    first: int
    last: int
    sha256: str
    reason: str


class _Payload(msgspec.Struct):
    skipped: tuple[Skipped, ...]


_decode_payload = msgspec.json.Decoder(_Payload).decode


def bytes_of(folder: LedgerFolder, item: OutOfReach | Skipped) -> bytes:
    """Read the bytes of a range as they lie now."""
    if not item.size:
        return b""
    fd = open_file(folder.events / item.segment)
    try:
        return read_range(fd, item.offset, item.offset + item.size)
    finally:
        os.close(fd)


def digest_of(folder: LedgerFolder, item: OutOfReach | Skipped) -> str:
    """SHA-256 of the bytes of a range as they lie now, 64 hex digits."""
    return hashlib.sha256(bytes_of(folder, item)).hexdigest()


class RecordedRepairs:
    """The ranges that repairs of one log have passed over."""

    def __init__(self, folder: LedgerFolder) -> None:
        """Know nothing yet: ``look`` reads the log."""
        self._folder = folder
        self._seen = (0, 0)
        self._hinted = False
        self._skipped: dict[tuple[str, int, int, int, int], str] = {}

    def look(self, mark: Mark) -> None:
        """Take in the repairs up to a mark; what was looked at before is not read again."""
        for first in self._folder.segments():
            if self._seen[0] <= first <= mark.segment:
                start = self._seen[1] if first == self._seen[0] else 0
                stop = mark.offset if first == mark.segment else None
                self._look_in(first, start, stop)

    def _look_in(self, first: int, start: int, stop: int | None) -> None:
        try:
            fd = open_file(self._folder.segment(first))
        except OSError:
            return
        try:
            stop = os.fstat(fd).st_size if stop is None else stop
            for raw in _matching_lines(fd, start, stop):
                self._take(raw)
            self._seen = first, max(start, stop)
        finally:
            os.close(fd)

    def _take(self, raw: bytes) -> None:
        try:
            envelope = decode_envelope(raw)
            if envelope.type != LedgerRepaired.type or envelope.run_id is not None:
                return
            payload = _decode_payload(envelope.data)
        except (BadLine, msgspec.DecodeError):
            return
        found = {_key(skipped): skipped.sha256 for skipped in payload.skipped}
        # In one step, as another thread may just add what it has found.
        self._skipped.update(found)

    def _keys(self) -> tuple[tuple[str, int, int, int, int], ...]:
        """Give the ranges as they are known now: another thread may add some meanwhile."""
        return tuple(self._skipped)

    def are_known(self, mark: Mark) -> bool:
        """Tell whether any repair was made up to a mark.

        The log is only searched where a copy of damaged bytes in ``quarantine/`` hints at one.
        """
        if not self._hinted:
            self._hinted = any(self._folder.quarantine.glob(f"{DAMAGED}*"))
        if self._hinted:
            self.look(mark)
        return bool(self._skipped)

    def are_found(self, mark: Mark) -> bool:
        """Tell the same, by searching the log without a hint."""
        self.look(mark)
        return bool(self._skipped)

    def zone(self, after: int, last: int) -> tuple[int, int]:
        """Give the next part of the log with repaired damage in it, as positions (after, until).

        It ends with its segment. Where there is none up to ``last``, it is empty and lies there.
        """
        ranges = [key for key in self._keys() if max(key[3], key[4]) > after and key[3] <= last]
        if not ranges:
            return last, last
        name, _, _, first, _ = min(ranges, key=lambda key: key[3])
        behind = [number for number in self._folder.segments() if segment_name(number) > name]
        end = min(last, behind[0] - 1) if behind else last
        begin = max(after, min(first - 1, end))
        return begin, max(end, begin, min(last, after + 1))

    def skip(self, segment: int, offset: int) -> bool:
        """Tell whether a place lies in bytes that a repair has passed over."""
        return any(start <= offset < stop for start, stop in self.bytes_of(segment))

    def covers(self, item: OutOfReach) -> bool:
        """Tell whether a range was repaired, and is still as it was then."""
        digest = self._skipped.get(_key(item))
        return digest is not None and digest == digest_of(self._folder, item)

    def bytes_of(self, segment: int) -> list[tuple[int, int]]:
        """Give the (start, stop) of the skipped bytes in a segment, in order."""
        name = segment_name(segment)
        return sorted(
            (offset, offset + size) for found, offset, size, *_ in self._keys() if found == name
        )

    def lost(self, after: int, before: int) -> int:
        """Count the positions between two others that a repair gave up."""
        return sum(
            max(0, min(last, before - 1) - max(first, after + 1) + 1)
            for _, _, _, first, last in self._keys()
        )


def _key(item: OutOfReach | Skipped) -> tuple[str, int, int, int, int]:
    return item.segment, item.offset, item.size, item.first, item.last


def _matching_lines(fd: int, start: int, stop: int) -> Iterator[bytes]:
    pending = b""
    for piece in pieces_of(fd, start, stop):
        data = pending + piece
        at = data.find(_NEEDLE)
        while at >= 0:
            end = data.find(b"\n", at)
            if end < 0:
                break
            yield data[data.rfind(b"\n", 0, at) + 1 : end]
            at = data.find(_NEEDLE, end)
        pending = data[max(data.rfind(b"\n") + 1, len(data) - MAX_LINE) :]
