"""Whose turn it is to sync: one process syncs and moves the mark for all that have written.

After its write a process waits here until the mark has passed what it wrote. If it gets the turn
before that, it syncs, and takes along what others wrote meanwhile; they then find the mark moved,
and need no sync of their own. The turn is a ``flock`` on ``events/``, apart from the lock, so that
appends go on during a sync. Only who has the turn moves the mark, so it never moves back.

Whoever holds the lock may wait for the turn; whoever has the turn never waits for the lock.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ledger.disk.folder import segment_name
from ledger.disk.lock import FolderLock, holder_of, try_flock
from ledger.disk.mark import Mark, Records
from ledger.errors import DurabilityUnknown, LedgerDamaged, LockTimeout
from ledger.line.walk import End
from ledger.writers.machine import boot_id
from ledger.writing.tail import Tail

__all__ = ["SyncTurn"]

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.00005, 0.01


class SyncTurn:
    """One process's way of making durable what lies in the log. Used by one thread at a time."""

    def __init__(self, events: Path, lock: FolderLock, records: Records, timeout: float) -> None:
        """Take the folder that is locked, and the lock file in which the mark is kept.

        Raises:
            LedgerDamaged: the folder is missing.
        """
        try:
            self._fd = os.open(events, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            reason = "the folder of the log is missing"
            raise LedgerDamaged(segment_name(1), 1, 0, reason) from None
        self._path = events
        self._lock = lock
        self._records = records
        self._timeout = timeout
        self._pause = _SHORTEST_PAUSE

    def make_durable(self, tail: Tail, end: End, *, anyway: bool = False) -> None:
        """Return when all before ``end`` is on disk and the mark says so, by whoever's sync.

        ``anyway`` syncs also where the mark is there already: it may be that of a copied folder.

        Raises:
            DurabilityUnknown: a sync of this segment failed, here or in another process.
            LockTimeout: another process was stopped in its turn.
        """
        try:
            if not self._wait(tail, None if anyway else end):
                return
            self._records.read(self._lock.fd)
            if not anyway and self._records.cover(end.segment, end.offset):
                return
            self._check_poison(end)
            ahead = tail.look_ahead()
            self._sync(tail)
            self._move_mark(ahead)
        finally:
            self._free()

    def begin_segment(self, tail: Tail) -> None:
        """Move the mark to a new segment, which is synced already.

        Raises:
            DurabilityUnknown: the mark could not be moved.
            LockTimeout: another process was stopped in its turn.
        """
        try:
            self._wait(tail)
            self._move_mark(tail.end)
        finally:
            self._free()

    def replace_poisoned(self, tail: Tail) -> None:
        """Copy what no sync confirmed out of a poisoned segment, and sync it there.

        In its turn, so that nobody moves the mark into the segment while that is cut.

        Raises:
            DurabilityUnknown: that sync failed too.
            LockTimeout: another process was stopped in its turn.
        """
        try:
            self._wait(tail)
            self._records.read(self._lock.fd)
            tail.refresh(self._records.mark, self._records.poison)
            self._sync(tail)
            self._move_mark(tail.end)
            self._records.clear_poison(self._lock.fd)
        finally:
            self._free()

    def roll_back(self, tail: Tail) -> None:
        """Cut off what a write left that failed, unless the mark has moved into it.

        In its turn: who syncs takes along what others have written, and a write that stopped
        half-way may look whole.

        Raises:
            OSError: it could not be cut.
            DurabilityUnknown: some whole batches of it are durable by now.
            LockTimeout: another process was stopped in its turn.
        """
        if not tail.overhangs():
            return
        try:
            self._wait(tail)
            self._records.read(self._lock.fd)
            if self._records.cover(tail.end.segment, tail.end.offset + 1):
                raise _unknown(tail.end, "a part of it was written, and synced by another process")
            tail.cut_back()
        finally:
            self._free()

    def _wait(self, tail: Tail, end: End | None = None) -> bool:
        """Wait for the turn; False where the mark came to ``end`` before.

        Raises:
            DurabilityUnknown: a sync of one's own failed.
            LockTimeout: another process was stopped in its turn.
        """
        for last in (False, True):
            if try_flock(self._fd) or self._look_for(end):
                return True
            if self._reaches(end):
                return False
            if end is not None and not last:
                # Is the process that has the turn stopped, or the disk slow? A sync of one's own
                # takes as long as the disk does, and no error may come of that.
                self._check_poison(end)
                self._sync(tail)
        raise LockTimeout(self._path, self._timeout, holder_of(self._fd))

    def _look_for(self, end: End | None) -> bool:
        """Look for the turn, until there is no need or no time; tell whether it was got."""
        began = time.monotonic()
        # Who holds the lock keeps all others waiting, and does not wait for a sync of theirs.
        pause = _SHORTEST_PAUSE if end is None else self._pause
        got = False
        while not got and time.monotonic() < began + self._timeout and not self._reaches(end):
            time.sleep(pause)
            # Ever longer: a crowd that looks all the time keeps the one who syncs from running.
            pause = min(2 * pause, _LONGEST_PAUSE)
            got = try_flock(self._fd)
        # It takes about as long the next time: so most look once or twice.
        half = (time.monotonic() - began) / 2
        self._pause = min(max(half, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        return got

    def _reaches(self, end: End | None) -> bool:
        self._records.read(self._lock.fd)
        return end is not None and self._records.cover(end.segment, end.offset)

    def _check_poison(self, end: End) -> None:
        """Refuse to sync what a failed sync has left, or what was copied elsewhere since.

        Of a segment before the poisoned one, all above the mark was copied into that.
        """
        if self._records.poison is not None and self._records.poison >= end.segment:
            raise _unknown(end, "the sync of another process failed")

    def _free(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _sync(self, tail: Tail) -> None:
        try:
            tail.sync()
        except OSError as error:
            self._records.write_poison(self._lock.fd, tail.end.segment, boot_id())
            raise _unknown(tail.end, os.strerror(error.errno or 0)) from error

    def _move_mark(self, end: End) -> None:
        mark = Mark(end.segment, end.offset, end.position, boot_id())
        try:
            self._records.write_mark(self._lock.fd, mark)
        except OSError as error:
            reason = f"the durable mark was not moved: {os.strerror(error.errno or 0)}"
            raise _unknown(end, reason) from error

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self._fd)


def _unknown(end: End, reason: str) -> DurabilityUnknown:
    return DurabilityUnknown(segment_name(end.segment), reason)
