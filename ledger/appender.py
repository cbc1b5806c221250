"""What an append does, in the order of calls that a crash may interrupt anywhere.

1. Take the lock. Read the mark and the poison record. Take in what others appended since.
2. Stage the group in memory. Where it would not fit, rotate: sync the active segment, make the new
   one, sync it and its folder, move the mark to it.
3. Write all lines with one ``write`` on an ``O_APPEND`` descriptor; a failure cuts them off again.
4. Release the lock. Sync. Move the mark forward. Only then does anyone get a receipt.

A sync that fails poisons its segment: nobody syncs that one again, and the next writer copies what
lies above the mark into a new segment and syncs that.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from ledger.codec import encode_body
from ledger.errors import AppendFailed, DurabilityUnknown, LedgerDamaged, LedgerError, LockTimeout
from ledger.events import EventData, NewEvent, Receipt
from ledger.folder import segment_name
from ledger.lock import FolderLock, holder_of, try_flock_briefly
from ledger.machine import boot_id
from ledger.mark import (
    Mark,
    advance_mark,
    clear_poison,
    read_records,
    write_mark,
    write_poison,
)
from ledger.plain_values import utc_text
from ledger.reader import LogReader
from ledger.run_states import RunStates
from ledger.staging import Batch, Staging
from ledger.tail import Tail
from ledger.walk import End

__all__ = ["LOCK_TIMEOUT", "SEGMENT_BYTES", "Answer", "Appender", "Options"]

SEGMENT_BYTES = 64 * 1024 * 1024
LOCK_TIMEOUT = 10.0
_MARK_WAIT = 0.00005

Answer = list[Receipt] | LedgerError

_CAUSES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EFBIG: "the file size limit of this process is reached (ulimit -f)",
    errno.EROFS: "the file system became read-only",
    errno.EIO: "the disk reported an input/output error",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a log is written.

    Attributes:
        durable: whether an append returns only after the sync.
        segment_bytes: a segment is rotated before it would grow beyond this.
        lock_timeout: seconds to wait for the lock.
        allow_network: whether the folder may lie on a network file system.
    """

    durable: bool = True
    segment_bytes: int = SEGMENT_BYTES
    lock_timeout: float = LOCK_TIMEOUT
    allow_network: bool = False


class Appender:
    """The writing end of one log in one process. Used by one thread at a time.

    Attributes:
        sealed: segments that this writer rotated away from and nobody has indexed yet.
    """

    def __init__(self, reader: LogReader, lock: FolderLock, options: Options) -> None:
        """Take over the lock file; ``recover`` comes before the first commit."""
        self._reader = reader
        self._lock = lock
        self._options = options
        self._tail = Tail(reader)
        self._states = RunStates(self._tail.lines_since)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            self._mark_fd = os.open(reader.folder.events, flags)
        except OSError as error:
            lock.close()
            if isinstance(error, FileNotFoundError):
                reason = "the folder of the log is missing"
                raise LedgerDamaged(segment_name(1), 1, 0, reason) from None
            raise
        self._unsynced: End | None = None
        self.sealed: list[int] = []

    def recover(self, created: EventData | None) -> None:
        """Open the log: check above the mark, cut off a torn tail, sync and advance the mark.

        ``created`` is the first event, appended where the log is empty.
        """
        with self._lock.hold():
            self._refresh(created)
            self._sync_and_mark(self._tail.end)

    def commit(self, batches: Sequence[Batch]) -> Sequence[Answer]:
        """Append a group of batches with one write and one sync; answer each of them."""
        try:
            with self._lock.hold():
                mark = self._refresh()
                staging, answers = self._stage(batches, mark)
                if staging.lines and self._must_rotate(staging.size):
                    self._rotate()
                    staging, answers = self._stage(batches, mark)
                if staging.lines:
                    self._write(staging)
                end = self._tail.end
        except OSError as error:
            self._forget()
            cause = _CAUSES.get(error.errno or 0, os.strerror(error.errno or 0))
            raise AppendFailed(cause) from error
        except BaseException:
            # An interrupt may come between any two steps: look at the disk again.
            self._forget()
            raise
        if self._options.durable:
            if staging.lines or staging.touched_unsynced:
                self._sync_and_mark(end)
            return answers
        if staging.lines:
            self._unsynced = end
        return [_undurable(answer, staging.durable_position) for answer in answers]

    def sync(self) -> None:
        """Make durable what ``durability="process"`` left unsynced."""
        if self._unsynced is None:
            return
        end = self._unsynced
        if not self._tail.known:
            # Something failed since: a poisoned segment must be replaced, and nothing else synced.
            with self._lock.hold():
                self._refresh()
                end = self._tail.end
        self._sync_and_mark(end)
        self._unsynced = None

    @property
    def unsynced(self) -> bool:
        """Whether something was appended that no sync has confirmed."""
        return self._unsynced is not None

    def _refresh(self, created: EventData | None = None) -> Mark | None:
        """Bring the tail up to what others did; give the durable mark."""
        fd = self._lock.fd
        mark, poison = read_records(fd)
        self._tail.refresh(mark, poison)
        if poison is not None:
            self._states.forget()
            self._sync_and_mark(self._tail.end, poisoned=poison)
            clear_poison(fd)
        if self._tail.end.position == 0 and created is not None:
            self._write_own(created)
        while self._tail.recovered:
            self._write_own(self._tail.recovered[0])
            self._tail.recovered.pop(0)
        return mark

    def _stage(self, batches: Sequence[Batch], mark: Mark | None) -> tuple[Staging, list[Answer]]:
        now = utc_text(datetime.now(UTC))
        staging = Staging(self._tail.end, self._states, now, mark.position if mark else 0)
        answers: list[Answer] = []
        for batch in batches:
            try:
                answers.append(staging.add(batch))
            except LedgerError as error:
                answers.append(error)
        return staging, answers

    def _write_own(self, data: EventData) -> None:
        event = NewEvent(data)
        batch = Batch((event,), (encode_body(event),), fresh_run=True)
        staging, answers = self._stage([batch], None)
        if isinstance(answers[0], LedgerError):
            raise answers[0]
        self._write(staging)
        # It was staged without a look at the events of no run that came before.
        self._states.forget()

    def _write(self, staging: Staging) -> None:
        self._tail.append(b"".join(staging.lines), staging.end)
        staging.keep()
        self._index(staging)

    def _index(self, staging: Staging) -> None:
        """Tell the index what was appended, so that nobody reads it again to know."""
        index = self._reader.run_index.active
        offset = staging.begin.offset
        if index.segment != staging.begin.segment:
            return
        for run_id, line in zip(staging.runs, staging.lines, strict=True):
            index.note(run_id, offset, offset + len(line))
            offset += len(line)

    def _must_rotate(self, size: int) -> bool:
        offset = self._tail.end.offset
        return offset > 0 and offset + size > self._options.segment_bytes

    def _rotate(self) -> None:
        sealed = self._tail.end
        self._sync_and_mark(sealed)
        self._tail.rotate()
        self.sealed.append(sealed.segment)
        end = self._tail.end
        with self._hold_mark():
            advance_mark(self._lock.fd, Mark(end.segment, end.offset, end.position, boot_id()))

    def _sync_and_mark(self, end: End, *, poisoned: int | None = None) -> None:
        """Sync, then move the mark to ``end``.

        Raises:
            DurabilityUnknown: the sync failed, or that of another process on the same segment.
        """
        try:
            self._tail.sync()
        except OSError as error:
            with self._hold_mark():
                write_poison(self._lock.fd, end.segment, boot_id())
            self._forget()
            raise DurabilityUnknown(
                segment_name(end.segment), os.strerror(error.errno or 0)
            ) from error
        mark = Mark(end.segment, end.offset, end.position, boot_id())
        try:
            with self._hold_mark():
                if poisoned is not None:
                    write_mark(self._lock.fd, mark)
                    return
                poison = advance_mark(self._lock.fd, mark)
        except OSError as error:
            self._forget()
            reason = f"the durable mark was not moved: {os.strerror(error.errno or 0)}"
            raise DurabilityUnknown(segment_name(end.segment), reason) from error
        if poison == end.segment:
            self._forget()
            raise DurabilityUnknown(segment_name(end.segment), "the sync of another process failed")

    @contextmanager
    def _hold_mark(self) -> Iterator[None]:
        """Order the moves of the mark; apart from the lock, so that nobody waits for a sync.

        Raises:
            LockTimeout: a process was stopped while it moved the mark.
        """
        deadline = time.monotonic() + self._options.lock_timeout
        while not try_flock_briefly(self._mark_fd):
            if time.monotonic() > deadline:
                holder = holder_of(self._mark_fd)
                path = self._reader.folder.events
                raise LockTimeout(path, self._options.lock_timeout, holder)
            time.sleep(_MARK_WAIT)
        try:
            yield
        finally:
            fcntl.flock(self._mark_fd, fcntl.LOCK_UN)

    def _forget(self) -> None:
        self._tail.forget()
        self._states.forget()

    def close(self) -> None:
        """Let go of all descriptors."""
        self._tail.close()
        self._lock.close()
        os.close(self._mark_fd)


def _undurable(answer: Answer, durable_position: int) -> Answer:
    if isinstance(answer, LedgerError):
        return answer
    return [
        msgspec.structs.replace(receipt, durable=receipt.position <= durable_position)
        for receipt in answer
    ]
