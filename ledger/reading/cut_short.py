"""Whether a log is shorter than its durable mark: one look at a size, cheap enough for every read.

Who reads what is new meets such a cut by itself. A view that is up to the mark already reads
nothing, and would serve on what is gone without a word.
"""

from __future__ import annotations

import os
import re

from ledger.disk.files import open_file, read_range, what_is_there
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.mark import Mark
from ledger.line.codec import MAX_LINE
from ledger.reading.sound_reading import OutOfReach

__all__ = ["find_cut"]

_REASON = "the log is shorter than its durable mark"
_LAST_POSITION = re.compile(rb'(?:.*\n)?\{"position":(\d+),[^\n]*\n', re.DOTALL)


def find_cut(folder: LedgerFolder, mark: Mark) -> OutOfReach | None:
    """Tell which positions below the mark its segment has lost at the end; None where none."""
    try:
        fd = open_file(folder.segment(mark.segment))
    except OSError as error:
        reason = _REASON if isinstance(error, FileNotFoundError) else what_is_there(error)
        if not reason:
            raise
        return _lost(mark, mark.segment, 0, reason)
    try:
        size = os.fstat(fd).st_size
        if size >= mark.offset:
            return None
        end = read_range(fd, max(0, size - 2 * MAX_LINE), size)
    finally:
        os.close(fd)
    found = _LAST_POSITION.match(end)
    return _lost(mark, int(found[1]) + 1 if found else mark.segment, size, _REASON)


def _lost(mark: Mark, first: int, offset: int, reason: str) -> OutOfReach | None:
    if first > mark.position:
        return None
    return OutOfReach(first, mark.position, segment_name(mark.segment), offset, 0, reason)
