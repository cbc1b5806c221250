"""Find the line that ends at a place of a segment, and with it what the next one must refer to."""

from __future__ import annotations

import os
from pathlib import Path

from ledger.disk.files import open_file, read_range, what_is_there
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.errors import BadLine, LedgerDamaged
from ledger.line.codec import MAX_LINE, decode_envelope
from ledger.line.walk import END_OF_NOTHING, End, line_at

__all__ = ["damage_of", "end_before", "open_present"]


def open_present(path: Path) -> int:
    """Open a segment to read.

    Raises:
        LedgerDamaged: it is missing, or something else is in its place.
    """
    try:
        return open_file(path)
    except OSError as error:
        raise damage_of(path, error) from None


def damage_of(path: Path, error: OSError) -> Exception:
    """Say what is wrong with a file of the log that cannot be opened; give other errors back."""
    missing = isinstance(error, FileNotFoundError)
    reason = "the segment is missing" if missing else what_is_there(error)
    if not reason:
        return error
    first = int(path.stem) if path.suffix else 0
    return LedgerDamaged(path.name, first, 0, reason)


def end_before(folder: LedgerFolder, segment: int, offset: int) -> End:
    """Find the line that ends at this place, and what the next one must refer to.

    Raises:
        LedgerDamaged: there is no sound line right before it.
    """
    if offset == 0:
        earlier = [first for first in folder.segments() if first < segment]
        if not earlier:
            return END_OF_NOTHING
        size = folder.segment(earlier[-1]).stat().st_size
        before = end_before(folder, earlier[-1], size)
        return End(segment, 0, before.position, before.leaf, before.recorded_at)
    raw, start = _line_ending_at(folder.segment(segment), offset)
    try:
        return line_at(decode_envelope(raw), raw, segment, start).end
    except BadLine as error:
        raise LedgerDamaged(segment_name(segment), 0, start, error.reason) from None


def _line_ending_at(path: Path, offset: int) -> tuple[bytes, int]:
    fd = open_present(path)
    try:
        base = max(0, offset - MAX_LINE - 1)
        data = read_range(fd, base, offset)
    finally:
        os.close(fd)
    if len(data) < offset - base or not data.endswith(b"\n"):
        raise LedgerDamaged(
            path.name, 0, offset, f"no line ends at byte {offset}, where the durable mark is"
        )
    start = data.rfind(b"\n", 0, len(data) - 1) + 1
    return data[start:-1], base + start
