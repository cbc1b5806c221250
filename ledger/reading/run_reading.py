"""Read one run's lines, found by the index, without scanning the log."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.mark import Mark
from ledger.errors import BadLine, LedgerDamaged
from ledger.line.codec import MAX_LINE, decode_envelope
from ledger.line.walk import Line, line_at
from ledger.reading.line_before import open_present
from ledger.reading.recorded_repairs import RecordedRepairs
from ledger.reading.run_index import RunIndex

__all__ = ["RunReading"]

_SHORT_LINE = 1 << 12


class RunReading:
    """Reads the lines of single runs. A run with a damaged line is never shown shorter."""

    def __init__(
        self,
        folder: LedgerFolder,
        index: RunIndex,
        repairs: RecordedRepairs,
    ) -> None:
        """Read the log in ``folder``; ``repairs`` are those of the same log."""
        self._folder = folder
        self._index = index
        self._repairs = repairs

    def lines(
        self, run_id: str | None, until: int | None, mark: Mark, *, after: int = 0
    ) -> Iterator[Line]:
        """Yield one run's checked raw lines; None is for events of no run.

        Args:
            run_id: the run.
            until: the position to stop at; None for the last.
            mark: how far the log is read.
            after: the sequence to start behind; what lies before it is not read.

        Raises:
            LedgerDamaged: a line is not what was written, or one is missing.
        """
        repaired = self._repairs.are_known(mark)
        places = list(self._index.places(run_id, mark.segment, mark.offset))
        sequence = position = begin = 0
        behind = places[after : after + 1] if after > 0 else []
        for line in self._lines_at(behind, run_id, repaired=repaired):
            if line.envelope.sequence == after + 1:
                sequence, position, begin = after, line.end.position - 1, after
        for line in self._lines_at(places[begin:], run_id, repaired=repaired):
            if until is not None and line.end.position > until:
                return
            self._check_sequence(line, sequence, position)
            sequence, position = line.envelope.sequence, line.end.position
            if sequence > after or run_id is None:
                yield line

    def lines_back(self, run_id: str | None, until: int, mark: Mark) -> Iterator[Line]:
        """Yield the same up to a position, the newest first, and read no more than is taken."""
        if self._repairs.are_known(mark):
            # What a repair passed over has no position to look for.
            yield from reversed(list(self.lines(run_id, until, mark)))
            return
        places = list(self._index.places(run_id, mark.segment, mark.offset))
        stop = len(places)
        if until < mark.position:
            stop = bisect_right(places, until, key=self._position_at)
        later: Line | None = None
        for line in self._lines_at(reversed(places[:stop]), run_id, repaired=False):
            if later is not None:
                self._check_sequence(later, line.envelope.sequence, line.end.position)
            later = line
            yield line
        if later is not None:
            self._check_sequence(later, 0, 0)

    def _lines_at(
        self, places: Iterable[tuple[int, int]], run_id: str | None, *, repaired: bool
    ) -> Iterator[Line]:
        """Read the lines at some places, but for those that a repair passed over, if any did."""
        opened: tuple[int, int] | None = None
        chunk, begin = b"", 0
        try:
            for segment, offset in places:
                if repaired and self._repairs.skip(segment, offset):
                    continue
                if opened is None or opened[0] != segment:
                    if opened is not None:
                        os.close(opened[1])
                    opened = segment, open_present(self._folder.segment(segment))
                    chunk = b""
                # Events of one batch lie behind each other: most lines were read with the first.
                if offset < begin or chunk.find(b"\n", offset - begin) < 0:
                    chunk, begin = _chunk_at(opened[1], offset), offset
                line = _first_line(chunk, offset - begin, segment, offset)
                if line.envelope.run_id == run_id:
                    yield line
        finally:
            if opened is not None:
                os.close(opened[1])

    def _check_sequence(self, line: Line, sequence: int, position: int) -> None:
        """Check that a line is the next of its run, but for those that a repair gave up."""
        expected = sequence + (line.envelope.run_id is not None)
        found = line.envelope.sequence
        if found == expected:
            return
        if not expected < found <= expected + self._repairs.lost(position, line.end.position):
            reason = f"sequence is {found}, expected {expected}"
            name = segment_name(line.end.segment)
            raise LedgerDamaged(name, line.end.position, line.start, reason)

    def _position_at(self, place: tuple[int, int]) -> int:
        segment, offset = place
        fd = open_present(self._folder.segment(segment))
        try:
            return _first_line(_chunk_at(fd, offset), 0, segment, offset).end.position
        finally:
            os.close(fd)


def _chunk_at(fd: int, offset: int) -> bytes:
    """Read from a place on: the line that starts there, and what of the next ones comes along."""
    chunk = os.pread(fd, _SHORT_LINE, offset)
    return chunk if b"\n" in chunk else os.pread(fd, MAX_LINE, offset)


def _first_line(chunk: bytes, start: int, segment: int, offset: int) -> Line:
    """Give the line that starts within a chunk, and in its segment, at these; checked by itself."""
    stop = chunk.find(b"\n", start)
    raw = chunk[start : max(start, stop)]
    try:
        envelope = decode_envelope(raw)
    except BadLine as error:
        raise LedgerDamaged(segment_name(segment), 0, offset, error.reason) from None
    return line_at(envelope, raw, segment, offset)
