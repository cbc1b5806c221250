"""The writing end of the log: the active segment, and what its next line must refer to.

Everything here needs the lock. A writer keeps a ``Tail`` between its appends; ``refresh`` brings it
up to what other writers did meanwhile: appended, rotated, died half-way, or poisoned a segment.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

import msgspec

from ledger.disk.files import (
    create_exclusive,
    open_file,
    read_range,
    replace_atomically,
    sync_data,
    sync_folder,
    write_whole,
)
from ledger.disk.folder import segment_name
from ledger.disk.mark import Mark
from ledger.errors import BadLine, LedgerDamaged, LedgerReplaced
from ledger.line.codec import MAX_LINE, decode_envelope
from ledger.line.walk import End, Flaw, Line, line_at, walk, whole_batches
from ledger.payloads.derived import LedgerRecovered
from ledger.reading.line_before import end_before
from ledger.reading.reader import LogReader
from ledger.writing.quarantine import cut_torn_tail, find_unnoted

__all__ = ["Tail"]

_SHORT_LINE = 2_048
_TICK = 100_000_000
_RECOVERED = LedgerRecovered.type


class Tail:
    """The end of the log as one process knows it.

    Attributes:
        end: where the log ends; what the next line refers to.
        recovered: what was cut off since the last look; the caller appends these as events.
    """

    def __init__(self, reader: LogReader) -> None:
        """Know nothing yet: the first ``refresh`` reads from the mark."""
        self._reader = reader
        self._folder = reader.folder
        self._events = str(reader.folder.events)
        self._fd = -1
        self._known = False
        self._folder_seen = 0
        self.end = End(1, 0, 0, "")
        self.recovered: list[LedgerRecovered] = []

    def refresh(self, mark: Mark | None, poison: int | None) -> None:
        """Take in what happened since the last look: find the last line, and little else.

        Raises:
            LedgerDamaged: durable bytes are wrong or missing.
            LedgerReplaced: the active segment is not the file it was.
        """
        if poison is not None and (mark is None or mark.segment <= poison):
            durable = mark is not None and mark.segment == poison
            self._replace_poisoned(mark if mark and durable else Mark(poison, 0, poison - 1))
        elif (
            self._known
            and (mark is None or mark.segment <= self.end.segment)
            and self._take_in_news(mark)
        ):
            return
        self._load(mark)

    @property
    def known(self) -> bool:
        """Whether the end is known, but for what others did meanwhile."""
        return self._known

    def forget(self) -> None:
        """Look everything up again at the next refresh."""
        self._known = False

    def _take_in_news(self, mark: Mark | None) -> bool:
        """Follow what others appended; False where the log goes on in another segment."""
        # To remove, replace or make a segment changes the folder: one look at it tells all three.
        changed = self._folder_changed()
        if changed and not os.fstat(self._fd).st_nlink:
            self._go_to_copy()
        size = self._size()
        if size < self.end.offset:
            raise LedgerReplaced(
                self._folder.path,
                f"{segment_name(self.end.segment)} has {size} bytes; it had {self.end.offset}",
            )
        if size > self.end.offset and not self._go_to_last_line(size):
            self._take_in(mark)
        return not (changed and self._was_rotated())

    def _size(self) -> int:
        # A third of the time of fstat; where the descriptor stands means nothing to O_APPEND.
        return os.lseek(self._fd, 0, os.SEEK_END)

    def look_ahead(self) -> End:
        """Without the lock: move ``end`` behind what others have written whole, if that is last."""
        size = self._size()
        if size > self.end.offset:
            self._go_to_last_line(size)
        return self.end

    def _go_to_copy(self) -> None:
        """Go on in the file that took the place of a poisoned one, if it holds the same lines."""
        segment = self.end.segment
        try:
            same = end_before(self._folder, segment, self.end.offset).leaf == self.end.leaf
        except LedgerDamaged:
            same = False
        if not same:
            name = segment_name(segment)
            raise LedgerReplaced(self._folder.path, f"{name} was removed or replaced")
        self._open(segment)

    def _folder_changed(self) -> bool:
        changed = os.stat(self._events).st_mtime_ns  # noqa: PTH116 - on the hot path
        if changed == self._folder_seen:
            return False
        # A second change within one tick of the clock leaves no trace: look again until it is past.
        if time.time_ns() - changed > _TICK:
            self._folder_seen = changed
        return True

    def _was_rotated(self) -> bool:
        """Tell whether somebody made the next segment, and died before the mark was moved to it."""
        first = self.end.position + 1
        return first != self.end.segment and self._folder.segment(first).exists()

    def _go_to_last_line(self, size: int) -> bool:
        """Move ``end`` behind the last line, if the log ends with a sound one that ends a batch.

        All that append check the end first, so nothing torn can lie before a sound end.
        """
        for room in (_SHORT_LINE, MAX_LINE + 1):
            start = max(self.end.offset, size - room)
            data = read_range(self._fd, start, size)
            begin = data.rfind(b"\n", 0, len(data) - 1) + 1
            if begin or start == self.end.offset:
                break
        raw = data[begin:-1]
        try:
            envelope = decode_envelope(raw)
        except BadLine:
            return False
        if not data.endswith(b"\n") or envelope.rest or envelope.position <= self.end.position:
            return False
        self.end = line_at(envelope, raw, self.end.segment, start + begin).end
        return True

    def _take_in(self, mark: Mark | None) -> list[Line]:
        """Check the bytes after ``end``, move ``end`` behind them, and cut off a torn rest."""
        data = read_range(self._fd, self.end.offset, os.fstat(self._fd).st_size)
        lines, flaw = whole_batches(data, self.end)
        begin = self.end.offset
        if lines:
            self.end = lines[-1].end
        if flaw is not None:
            self._check_torn(flaw, mark, data[self.end.offset - begin :])
            self.recovered.append(cut_torn_tail(self._folder, self._fd, self.end, flaw))
        return lines

    def _check_torn(self, flaw: Flaw, mark: Mark | None, torn: bytes) -> None:
        """Tell a torn tail from damage: wrong bytes below the mark were acknowledged once.

        Without a mark (the lock file was lost), a sound line behind a bad one is taken as proof
        that the bad one was not the end when it was written.
        """
        for item in walk(torn, self.end):
            if isinstance(item, Flaw):
                torn = torn[item.offset - self.end.offset :]
                break
        else:
            torn = b""
        name = segment_name(self.end.segment)
        below = mark is not None and (self.end.segment, self.end.offset) < (
            mark.segment,
            mark.offset,
        )
        if below or (mark is None and _holds_sound_line(torn)):
            raise LedgerDamaged(name, flaw.position, flaw.offset, flaw.reason)

    def _load(self, mark: Mark | None) -> None:
        """Open the log at the mark, and check what lies above it, and only that."""
        segments = self._folder.segments()
        if not segments:
            first = mark.segment if mark else 1
            raise LedgerDamaged(segment_name(first), first, 0, "the segment is missing")
        self._open_at(segments, mark)
        durable, lines = self.end, []
        newer = [number for number in segments if number > self.end.segment]
        if newer:
            # Who made them may have died, or failed, before the folder was synced.
            sync_folder(self._folder.events)
        for first in newer:
            lines += self._pass_to(first)
        lines += self._take_in(mark)
        noted = [cut.quarantine for cut in self.recovered]
        noted += [_quarantined(line) for line in lines if line.envelope.type == _RECOVERED]
        self.recovered += find_unnoted(self._folder, durable, noted)
        self._known = True

    def _open_at(self, segments: Sequence[int], mark: Mark | None) -> None:
        if mark is None:
            self.end = end_before(self._folder, segments[-1], 0)
        else:
            if mark.segment not in segments:
                raise LedgerDamaged(
                    segment_name(mark.segment), mark.position, 0, "the segment is missing"
                )
            try:
                self.end = end_before(self._folder, mark.segment, mark.offset)
            except LedgerDamaged as error:
                error.position = error.position or mark.position
                raise
            if self.end.position != mark.position:
                raise LedgerDamaged(
                    segment_name(mark.segment),
                    mark.position,
                    mark.offset,
                    f"the durable mark says position {mark.position},"
                    f" the line there says {self.end.position}",
                )
        self._open(self.end.segment)

    def _open(self, first: int) -> None:
        fd = open_file(self._folder.segment(first), os.O_RDWR | os.O_APPEND)
        self.close()
        self._fd = fd

    def _pass_to(self, first: int) -> list[Line]:
        """Go on to the next segment, which begins where this one must end.

        What lies behind that place was copied there when this segment was poisoned.
        """
        data = read_range(self._fd, self.end.offset, os.fstat(self._fd).st_size)
        lines, flaw = whole_batches(data, self.end)
        kept = [line for line in lines if line.end.position < first]
        if kept:
            self.end = kept[-1].end
        if self.end.position + 1 != first:
            raise LedgerDamaged(
                segment_name(self.end.segment),
                self.end.position + 1,
                self.end.offset,
                flaw.reason if flaw else f"{segment_name(first)} begins at position {first}",
            )
        if self.end.offset < os.fstat(self._fd).st_size:
            os.ftruncate(self._fd, self.end.offset)
        # For good, before the mark moves on: after a power cut it would lie below the mark, and
        # some of it may be wrong. Also where another has cut it, who may have ended before this.
        # Of a poisoned segment this sync tells nothing above the cut, and need not.
        sync_data(self._fd)
        self.end = End(first, 0, self.end.position, self.end.leaf, self.end.recorded_at)
        self._open(first)
        return kept

    def _replace_poisoned(self, mark: Mark) -> None:
        """Copy what lies above the mark from a segment whose sync failed into a new one."""
        after = mark.position + 1
        replacement = self._folder.segment(after)
        if mark.offset and replacement.exists():
            return
        self.end = end_before(self._folder, mark.segment, mark.offset)
        self._open(mark.segment)
        data = read_range(self._fd, mark.offset, os.fstat(self._fd).st_size)
        lines, flaw = whole_batches(data, self.end)
        kept = lines[-1].end.offset - mark.offset if lines else 0
        if flaw is not None:
            end = lines[-1].end if lines else self.end
            self.recovered.append(cut_torn_tail(self._folder, self._fd, end, flaw, sync=False))
        # What was copied is cut off when the log is followed into the new segment.
        replace_atomically(replacement, data[:kept])

    def lines_since(self, run_id: str | None, known: End) -> Iterator[Line]:
        """Yield a run's lines that were appended behind an end it was known to."""
        end = self.end
        if known.segment != end.segment or not known.position:
            mark = Mark(end.segment, end.offset, end.position)
            for line in self._reader.run_lines(run_id, mark=mark):
                if line.end.position > known.position:
                    yield line
            return
        value = b"null" if run_id is None else b'"%b"' % run_id.encode()
        needle = b'"run_id":%b,' % value
        data = read_range(self._fd, known.offset, end.offset)
        at = data.find(needle)
        while at >= 0:
            start = data.rfind(b"\n", 0, at) + 1
            stop = data.find(b"\n", at)
            line = _line(data[start:stop], known.offset + start, end.segment)
            if line.envelope.run_id == run_id:
                yield line
            at = data.find(needle, stop)

    def append(self, data: bytes, end: End) -> None:
        """Write lines at the end.

        Raises:
            OSError: the cause; what was written of them is to be cut back.
        """
        write_whole(self._fd, data)
        self.end = end

    def overhangs(self) -> bool:
        """Tell whether anything lies behind the end."""
        return self._size() > self.end.offset

    def cut_back(self) -> None:
        """Cut off what lies behind the end."""
        os.ftruncate(self._fd, self.end.offset)

    def rotate(self) -> None:
        """Begin a new segment, synced with its folder; the caller has synced the old one."""
        first = self.end.position + 1
        create_exclusive(self._folder.segment(first))
        sync_folder(self._folder.events)
        self._open(first)
        self.end = End(first, 0, self.end.position, self.end.leaf, self.end.recorded_at)

    def sync(self) -> None:
        """Make the active segment durable as far as it is written."""
        sync_data(self._fd)

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _quarantined(line: Line) -> str:
    data = msgspec.json.decode(line.envelope.data)
    return str(data.get("quarantine")) if isinstance(data, dict) else ""


def _line(raw: bytes, offset: int, segment: int) -> Line:
    try:
        envelope = decode_envelope(raw)
    except BadLine as error:
        raise LedgerDamaged(segment_name(segment), 0, offset, error.reason) from None
    return line_at(envelope, raw, segment, offset)


def _holds_sound_line(data: bytes) -> bool:
    for raw in data.split(b"\n")[:-1]:
        try:
            decode_envelope(raw)
        except BadLine:
            continue
        return True
    return False
