"""As of a time: the last position whose ``recorded_at`` is not after it, found by bisection.

``recorded_at`` never runs backwards in the log, so a few lines tell. Lines that are damaged tell
nothing, and are passed over.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from datetime import datetime

from ledger.disk.files import read_range
from ledger.disk.mark import Mark
from ledger.line.codec import MAX_LINE
from ledger.plain_values import utc_text
from ledger.reading.line_before import open_present
from ledger.reading.reader import LogReader

__all__ = ["position_at"]

_LINE = re.compile(
    rb'^(\{"position":(\d+),"prev":"[0-9a-f]{64}",.*?,"recorded_at":"([^"]{27})","data":)',
    re.MULTILINE,
)
_STEP = 4096


def position_at(reader: LogReader, moment: datetime) -> int:
    """Give the last position recorded not after an aware time; 0 where there is none.

    Raises:
        LedgerDamaged: a segment cannot be read.
    """
    until = utc_text(moment).encode()
    mark = reader.mark()
    segments = [first for first in reader.folder.segments() if first <= mark.segment]
    at = bisect_right(segments, until, key=lambda first: _Segment(reader, first, mark).begins())
    return _Segment(reader, segments[at - 1], mark).last_until(until) if at else 0


class _Segment:
    """What is durable of one segment."""

    def __init__(self, reader: LogReader, first: int, mark: Mark) -> None:
        self._fd = open_present(reader.folder.segment(first))
        size = os.fstat(self._fd).st_size
        self._size = min(size, mark.offset) if first == mark.segment else size
        self._first = first

    def begins(self) -> bytes:
        """Give when its first line was recorded; the beginning of time where none can be read."""
        try:
            found = self._line_from(0, self._size)
        finally:
            os.close(self._fd)
        return found[2] if found else b""

    def last_until(self, until: bytes) -> int:
        """Give the last position that was recorded by a time; the one before it if none was."""
        try:
            position, low, high = self._first - 1, -1, self._size
            # What starts at ``low`` is early enough, what starts at ``high`` or behind it is not.
            while high - low > 1:
                middle = (low + high) // 2
                found = self._line_from(middle, high)
                if found is not None and found[2] <= until:
                    low, position, _ = found
                else:
                    high = middle
            return position
        finally:
            os.close(self._fd)

    def _line_from(self, start: int, high: int) -> tuple[int, int, bytes] | None:
        """Find the first sound line that starts at an offset or behind it, but before ``high``.

        Returns:
            Its offset, its position and its time.
        """
        begin = max(0, start - 1)
        room = _STEP
        while begin < high:
            stop = min(self._size, high + MAX_LINE, begin + room)
            data = read_range(self._fd, begin, stop)
            # From the byte before, which is a newline if a line starts here; none other matches.
            found = _LINE.search(data, start - begin)
            if found is not None:
                offset = begin + found.start(1)
                return (offset, int(found[2]), found[3]) if offset < high else None
            if stop >= min(self._size, high + MAX_LINE):
                return None
            room *= 4
        return None
