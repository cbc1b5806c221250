"""Read the log without writing to it: after a position, one run, or following what comes.

A reader stops at the durable mark, so it never shows what a power cut could take back. It checks
the CRC, the position and the chain of each line it gives. What is not as it must be is an error,
unless a repair has passed over it; ``read_sound`` goes on, and says which positions it misses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ledger.disk.files import read_range
from ledger.disk.folder import Identity, LedgerFolder, segment_name
from ledger.disk.mark import Mark
from ledger.errors import BadLine, LedgerDamaged, LedgerReplaced
from ledger.line.codec import MAX_LINE, ZERO_HASH, decode_envelope
from ledger.line.walk import End, Flaw, Line, walk
from ledger.reading.durable_end import DurableEnd
from ledger.reading.following import follow
from ledger.reading.line_before import end_before, open_present
from ledger.reading.noted_places import NotedPlaces
from ledger.reading.recorded_repairs import RecordedRepairs
from ledger.reading.run_index import RunIndex
from ledger.reading.run_reading import RunReading
from ledger.reading.sound_reading import OutOfReach, sound_end, sound_lines
from ledger.recorded import RecordedEvent

__all__ = ["LogReader"]

_CHUNK = 1 << 20
_STEP = 1 << 18
_POSITION = re.compile(rb'\{"position":(\d+),')


class LogReader:
    """A log, read only. Never creates a folder, never writes to one."""

    def __init__(self, folder: Path | str, *, keep_index: bool = False) -> None:
        """Open the ledger in ``folder``.

        Raises:
            LedgerNotFound: there is none.
        """
        self.folder = LedgerFolder(Path(folder))
        self.identity: Identity = self.folder.identity()
        self.durable_end = DurableEnd(self.folder)
        self._repairs = RecordedRepairs(self.folder)
        self.run_index = RunIndex(self.folder, keep=keep_index, skipped=self._repairs.bytes_of)
        self.places = NotedPlaces()
        self.runs = RunReading(self.folder, self.run_index, self._repairs)

    def mark(self) -> Mark:
        """Tell how far the log is known to be durable.

        In a copy without its ``lock`` file, that is the last whole batch.
        """
        return self.durable_end.mark()

    @property
    def position(self) -> int:
        """The last position a reader may see."""
        return self.mark().position

    def read(self, after: int = 0, until: int | None = None) -> Iterator[RecordedEvent]:
        """Yield the events after a position, in order, up to ``until`` or the durable mark.

        Raises:
            LedgerDamaged: a line below the mark is not what was written.
            LedgerReplaced: the log is shorter than it was.
        """
        for line in self.read_lines(after, until):
            yield _event_of(line)

    def read_lines(
        self, after: int = 0, until: int | None = None, *, mark: Mark | None = None
    ) -> Iterator[Line]:
        """Yield the checked raw lines after a position, as ``read`` does the events.

        ``mark`` is where a writer, who holds the lock, may read to instead.
        """
        mark = mark or self.mark()
        last = mark.position if until is None else min(until, mark.position)
        while after < last:
            begin, end = last, last
            if self._repairs.are_known(mark):
                begin, end = self._repairs.zone(after, last)
            try:
                for line in self._chained_lines(after, begin, mark):
                    after = line.end.position
                    yield line
            except (LedgerDamaged, LedgerReplaced):
                if not self._repairs.are_found(mark):
                    raise
                begin, end = after, last
            yield from self._lines_over_repairs(begin, end, mark)
            after = end

    def _lines_over_repairs(self, after: int, until: int, mark: Mark) -> Iterator[Line]:
        """Read a part of the log in which there was damage that was repaired."""
        if after >= until:
            return
        for item in sound_lines(self.folder, mark, after, until, repairs=self._repairs.covers):
            if isinstance(item, Line):
                yield item
            elif not item.repaired:
                raise LedgerDamaged(item.segment, item.first, item.offset, item.reason)

    def read_sound(
        self, after: int = 0, until: int | None = None
    ) -> Iterator[RecordedEvent | OutOfReach]:
        """Yield the sound events after a position, and in between what is out of reach.

        The positions of both together are the ones asked for, each once. Slower than ``read``.
        """
        for item in self.read_sound_lines(after, until):
            yield item if isinstance(item, OutOfReach) else _event_or_gap(item)

    def read_sound_lines(
        self, after: int = 0, until: int | None = None
    ) -> Iterator[Line | OutOfReach]:
        """Yield the sound raw lines after a position, as ``read_sound`` does the events."""
        try:
            mark = self.mark()
        except LedgerDamaged:
            mark = sound_end(self.folder)
        self._repairs.look(mark)
        yield from sound_lines(self.folder, mark, after, until, repairs=self._repairs.covers)

    def _chained_lines(self, after: int, last: int, mark: Mark) -> Iterator[Line]:
        if after >= last:
            return
        segments = [first for first in self.folder.segments() if first <= mark.segment]
        held = [first for first in segments if first <= after + 1]
        if not held:
            raise LedgerDamaged(segment_name(1), after + 1, 0, "the segment is missing")
        for first in segments[segments.index(held[-1]) :]:
            stop = mark.offset if first == mark.segment else None
            for line in self._segment_lines(first, stop, after):
                after = line.end.position
                yield line
                if after >= last:
                    return
        raise LedgerDamaged(segment_name(mark.segment), after + 1, 0, "the line is missing")

    def _segment_lines(self, first: int, stop: int | None, after: int) -> Iterator[Line]:
        """Yield the lines of one segment after a position, read in bounded pieces."""
        path = self.folder.segment(first)
        fd = open_present(path)
        try:
            size = os.fstat(fd).st_size
            if stop is not None and size < stop:
                raise LedgerReplaced(
                    self.folder.path, f"{path.name} has {size} bytes; {stop} were durable"
                )
            end = self.seek(fd, first, size if stop is None else stop, after)
            if end.position + 1 < first:
                raise LedgerDamaged(path.name, first, 0, "the segment before it is cut short")
            yield from self._lines_from(fd, path.name, end, size if stop is None else stop)
        finally:
            os.close(fd)

    def _lines_from(self, fd: int, name: str, end: End, stop: int) -> Iterator[Line]:
        """Yield the lines of a segment, each once the next one has not disowned it."""
        held: Line | None = None
        pending = b""
        at = end.offset
        while at < stop:
            piece = read_range(fd, at, min(stop, at + _CHUNK))
            if not piece:
                raise LedgerReplaced(self.folder.path, f"{name} shrank while it was read")
            at += len(piece)
            data = pending + piece
            whole = len(data) if at >= stop else data.rfind(b"\n") + 1
            pending = data[whole:]
            for item in walk(data[:whole], end):
                if isinstance(item, Flaw):
                    if held is not None and not item.disowns:
                        yield held
                    raise LedgerDamaged(name, item.position, item.offset, item.reason)
                if held is not None:
                    yield held
                held, end = item, item.end
        if held is not None:
            yield held

    def seek(self, fd: int, first: int, size: int, after: int) -> End:
        """Find where the line after ``after`` starts in a segment: as noted, or by bisection."""
        noted = self.places.find(first, after)
        if noted is not None and 0 < noted <= size:
            with suppress(LedgerDamaged):
                end = end_before(self.folder, first, noted)
                if end.position == after:
                    return end
        if after < first:
            try:
                return end_before(self.folder, first, 0)
            except LedgerDamaged:
                if after + 1 < first:
                    raise
        low, high = 0, size
        while high - low > MAX_LINE:
            middle = (low + high) // 2
            found = self._line_from(fd, middle, high)
            if found is None:
                break
            start, position = found
            if position <= after:
                low = start
            else:
                high = middle
        return self._count_up(fd, first, low, after)

    def _line_from(self, fd: int, offset: int, high: int) -> tuple[int, int] | None:
        """Find the first line that starts after ``offset``, and its position."""
        data = read_range(fd, offset, min(high, offset + 2 * MAX_LINE))
        start = data.find(b"\n") + 1
        found = _POSITION.match(data, start) if start else None
        return (offset + start, int(found[1])) if found else None

    def _count_up(self, fd: int, first: int, low: int, after: int) -> End:
        """Step line by line from ``low`` to the end of the line at ``after``.

        Where that one is damaged, what is behind it can still be read, from the line that follows.
        """
        size = os.fstat(fd).st_size
        at = low
        while at < size:
            data = read_range(fd, at, min(size, at + _STEP))
            start = 0
            while (newline := data.find(b"\n", start)) >= 0:
                found = _POSITION.match(data, start)
                if found and int(found[1]) == after:
                    with suppress(LedgerDamaged):
                        return end_before(self.folder, first, at + newline + 1)
                elif found and int(found[1]) == after + 1:
                    return _end_above(data[start:newline], first, at + start, after)
                start = newline + 1
            if not start:
                break
            at += start
        raise LedgerDamaged(segment_name(first), after, at, "the line is missing")

    def leaf_at(self, position: int) -> str:
        """Give the leaf hash of the line at a position; zeros for position 0."""
        if position == 0:
            return ZERO_HASH
        for line in self.read_lines(position - 1, position):
            return line.end.leaf
        raise LedgerReplaced(self.folder.path, f"position {position} is no longer there")

    def read_run(self, run_id: str, until: int | None = None) -> Iterator[RecordedEvent]:
        """Yield one run's events, in order."""
        for line in self.run_lines(run_id, until):
            yield _event_of(line)

    def run_lines(
        self, run_id: str | None, until: int | None = None, *, mark: Mark | None = None
    ) -> Iterator[Line]:
        """Yield one run's checked raw lines, found by the index; None is for events of no run."""
        return self.runs.lines(run_id, until, mark or self.mark())

    def count_lost(self, until: int, *, search: bool = True) -> int:
        """Count the positions up to one whose lines were damaged, and passed over by a repair.

        ``search`` looks for repairs in the whole log; without, only where ``quarantine/`` hints.
        """
        mark = self.mark()
        found = self._repairs.are_found(mark) if search else self._repairs.are_known(mark)
        return self._repairs.lost(0, until + 1) if found else 0

    def follow(
        self, after: int = 0, *, poll: float = 0.02, timeout: float | None = None
    ) -> Iterator[RecordedEvent]:
        """Yield the events after a position and then those that come, for ever.

        Args:
            after: the position to start behind.
            poll: seconds between looks at the mark.
            timeout: give up after this many seconds without a new event.

        Raises:
            LedgerReplaced: the log was cut, or is another one than before.
        """
        return follow(self, after, poll=poll, timeout=timeout)


def _end_above(raw: bytes, segment: int, offset: int, after: int) -> End:
    """Tell by a line itself what it refers to, where the line before it cannot be read."""
    try:
        envelope = decode_envelope(raw)
    except BadLine as error:
        raise LedgerDamaged(segment_name(segment), after + 1, offset, error.reason) from None
    return End(segment, offset, after, envelope.prev)


def _event_or_gap(line: Line) -> RecordedEvent | OutOfReach:
    try:
        return _event_of(line)
    except LedgerDamaged as error:
        position, size = line.end.position, line.end.offset - line.start
        return OutOfReach(position, position, error.segment, line.start, size, error.reason)


def _event_of(line: Line) -> RecordedEvent:
    # Here, as it takes the models of the payloads: whoever only writes would wait for them.
    from ledger.line.decoding import recorded_event  # noqa: PLC0415 - see above

    try:
        return recorded_event(line.envelope, line.raw)
    except BadLine as error:
        name = segment_name(line.end.segment)
        raise LedgerDamaged(name, line.end.position, line.start, error.reason) from None
