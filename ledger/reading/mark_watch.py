"""The durable position, for who looks thousands of times a second: one read of an open file.

The lock file, which keeps the mark, is never replaced while its ledger is in use. So it stays open
between looks, and whether its path still leads to it is asked a few times a second.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from ledger.disk.files import open_file
from ledger.disk.mark import Records
from ledger.reading.reader import LogReader

__all__ = ["MarkWatch"]

_TRUSTED = 0.25


class MarkWatch:
    """Looks at the mark of one log. For one thread at a time."""

    def __init__(self, reader: LogReader) -> None:
        """Watch the log that ``reader`` reads; nothing is opened before the first look."""
        self._reader = reader
        self._records = Records()
        self._fd: int | None = None
        self._trusted_until = 0.0

    def position(self) -> int:
        """Give the last position a reader may see.

        Raises:
            LedgerDamaged: the mark cannot be read.
        """
        if time.monotonic() >= self._trusted_until:
            self.close()
            with suppress(OSError):
                self._fd = open_file(self._reader.folder.lock)
            self._trusted_until = time.monotonic() + _TRUSTED
        if self._fd is not None:
            self._records.read(self._fd)
            if self._records.mark is not None:
                return self._reader.durable_end.reach(self._records.mark).position
        # There is no mark that can be trusted: the reader knows what to do, and what to say.
        return self._reader.position

    def close(self) -> None:
        """Let go of the file; the next look opens it again."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None
