"""How far the log is known to be on disk, for who reads: to the mark, and after a boot beyond it.

The mark is not synced itself, so a power cut may set it back by what was appended last. What lies
behind it at the next boot has come from the disk: as far as it is whole, it is durable. A writer
moves the mark there as it opens; until one does, readers look for themselves.
"""

from __future__ import annotations

import os
from contextlib import suppress

from ledger.disk.files import open_file, read_range
from ledger.disk.folder import LedgerFolder
from ledger.disk.mark import Mark, read_mark
from ledger.errors import LedgerDamaged
from ledger.line.walk import End, whole_batches
from ledger.reading.line_before import damage_of, end_before, open_present
from ledger.writers.machine import boot_id

__all__ = ["DurableEnd"]


class DurableEnd:
    """Tells where the log ends for who reads it. Safe to share between threads."""

    def __init__(self, folder: LedgerFolder) -> None:
        """Look at the log in a folder; nothing is read yet."""
        self._folder = folder
        # As text: it is opened for every answer there is.
        self._lock = os.fspath(folder.lock)
        self._found: tuple[Mark, Mark] | None = None

    def mark(self) -> Mark:
        """Read how far the log is known to be durable.

        In a copy without its ``lock`` file, that is the last whole batch.

        Raises:
            LedgerDamaged: something else is in the place of the lock file, or of the log.
        """
        try:
            fd = open_file(self._lock)
            try:
                mark = read_mark(fd)
            finally:
                os.close(fd)
        except FileNotFoundError:
            return self._last_whole_batch()
        except OSError as error:
            raise damage_of(self._folder.lock, error) from None
        return self.reach(mark) if mark else self._last_whole_batch()

    def reach(self, mark: Mark) -> Mark:
        """Give how far the log is durable that has this mark."""
        if mark.boot_id == boot_id():
            return mark
        # Nobody appends before the mark is moved, so what is found behind it stays as it is.
        found = self._found
        if found is None or found[0] != mark:
            found = self._found = mark, self._whole_behind(mark)
        return found[1]

    def _whole_behind(self, mark: Mark) -> Mark:
        """Give the end of the last whole batch behind a mark, but of none behind any damage."""
        reached = mark
        with suppress(LedgerDamaged, OSError):
            end = end_before(self._folder, mark.segment, mark.offset)
            segments = [first for first in self._folder.segments() if first >= mark.segment]
            for first, following in zip(segments, [*segments[1:], None], strict=True):
                if end.position != reached.position or first not in (end.segment, end.position + 1):
                    break
                if first != end.segment:
                    end = End(first, 0, end.position, end.leaf, end.recorded_at)
                end, size = self._last_whole(end, following)
                reached = Mark(end.segment, end.offset, end.position, mark.boot_id)
                if size > end.offset:
                    # Before anybody was told of what follows, this would have been cut off.
                    break
        return reached

    def _last_whole(self, end: End, following: int | None = None) -> tuple[End, int]:
        """Give the end of the last whole batch of a segment, and the size of its file.

        Only of those before the segment that follows, into which those of one whose sync had
        failed are copied.
        """
        fd = open_present(self._folder.segment(end.segment))
        try:
            size = os.fstat(fd).st_size
            data = read_range(fd, end.offset, size)
        finally:
            os.close(fd)
        for line in whole_batches(data, end)[0]:
            if following is None or line.end.position < following:
                end = line.end
        return end, size

    def _last_whole_batch(self) -> Mark:
        segments = self._folder.segments()
        if not segments:
            return Mark(1, 0, 0)
        end, _ = self._last_whole(end_before(self._folder, segments[-1], 0))
        return Mark(end.segment, end.offset, end.position)
