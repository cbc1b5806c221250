"""What an append does, in the order of calls that a crash may interrupt anywhere.

1. Take the lock. Read the mark and the poison record. Take in what others appended since.
2. Stage the group in memory. Where it would not fit, rotate: sync the active segment, make the new
   one, sync it and its folder, move the mark to it.
3. Write all lines with one ``write`` on an ``O_APPEND`` descriptor; a failure cuts them off again,
   in the turn to sync, as another may just be syncing them.
4. Release the lock. Wait until the mark has passed what was written: by this process's sync, or by
   another's (see ``sync_turn.py``). Only then does anyone get a receipt.

A sync that fails poisons its segment: nobody syncs that one again, and the next writer copies what
lies above the mark into a new segment and syncs that.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from ledger.disk.folder import segment_name
from ledger.disk.lock import FolderLock
from ledger.disk.mark import Records
from ledger.errors import (
    AppendFailed,
    DurabilityUnknown,
    LedgerError,
    LedgerUnwritable,
    LockTimeout,
)
from ledger.line.codec import encode_body
from ledger.line.walk import End
from ledger.payloads.payload import Payload
from ledger.plain_values import utc_text
from ledger.reading.reader import LogReader
from ledger.recorded import NewEvent, Receipt
from ledger.writing.run_states import RunStates
from ledger.writing.staging import Batch, Staging
from ledger.writing.sync_turn import SyncTurn
from ledger.writing.tail import Tail

__all__ = ["LOCK_TIMEOUT", "SEGMENT_BYTES", "Answer", "Appender", "Options"]

SEGMENT_BYTES = 64 * 1024 * 1024
LOCK_TIMEOUT = 10.0

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
        self._records = Records()
        try:
            events, timeout = reader.folder.events, options.lock_timeout
            self._turn = SyncTurn(events, lock, self._records, timeout)
        except BaseException:
            lock.close()
            raise
        self._unsynced: End | None = None
        self._is_closed = False
        self.sealed: list[int] = []

    def recover(self, created: Callable[[], Payload] | None) -> None:
        """Open the log: check above the mark, cut off a torn tail, sync and advance the mark.

        ``created`` makes the first event, which is appended where the log is empty.
        """
        with self._lock.hold():
            self._refresh(created)
            self._turn.make_durable(self._tail, self._tail.end, anyway=True)

    def commit(self, batches: Sequence[Batch]) -> Sequence[Answer]:
        """Append a group of batches with one write and one sync; answer each of them."""
        if self._is_closed:
            # It was queued before. What were the descriptors may be those of other files by now.
            raise LedgerUnwritable(self._reader.folder.path, "this EventLog was closed")
        try:
            with self._lock.hold():
                self._refresh()
                staging, answers = self._stage(batches)
                if staging.lines and self._must_rotate(staging.size):
                    self._rotate()
                    staging, answers = self._stage(batches)
                if staging.lines:
                    self._write(staging)
                end = self._tail.end
        except OSError as error:
            self._forget()
            raise AppendFailed(_cause(error)) from error
        except BaseException:
            # An interrupt may come between any two steps: look at the disk again.
            self._forget()
            raise
        if self._options.durable:
            if staging.lines or staging.touched_unsynced:
                self._confirm(end)
            return answers
        if staging.lines:
            self._unsynced = end
        return [_undurable(answer, staging.durable_position) for answer in answers]

    def sync(self) -> None:
        """Make durable what ``durability="process"`` left unsynced."""
        if self._unsynced is None:
            return
        self._confirm(self._unsynced if self._tail.known else self._end_on_disk())
        self._unsynced = None

    def _end_on_disk(self) -> End:
        """Look up the end after something failed: a poisoned segment must be replaced first.

        Raises:
            DurabilityUnknown: that could not be done.
        """
        try:
            with self._lock.hold():
                self._refresh()
        except OSError as error:
            raise DurabilityUnknown(segment_name(self._tail.end.segment), _cause(error)) from error
        return self._tail.end

    @property
    def unsynced(self) -> bool:
        """Whether something was appended that no sync has confirmed."""
        return self._unsynced is not None

    def _refresh(self, created: Callable[[], Payload] | None = None) -> None:
        """Bring the tail up to what others did."""
        if not self._tail.known:
            self._lock.check_in_place()
        records = self._records
        records.read(self._lock.fd)
        if records.poison is None:
            self._tail.refresh(records.mark, None)
        else:
            self._states.forget()
            self._turn.replace_poisoned(self._tail)
        if self._tail.end.position == 0 and created is not None:
            self._write_own(created())
        while self._tail.recovered:
            self._write_own(self._tail.recovered[0])
            self._tail.recovered.pop(0)

    def _stage(self, batches: Sequence[Batch]) -> tuple[Staging, list[Answer]]:
        now = utc_text(datetime.now(UTC))
        mark = self._records.mark
        staging = Staging(self._tail.end, self._states, now, mark.position if mark else 0)
        answers: list[Answer] = []
        for batch in batches:
            try:
                answers.append(staging.add(batch))
            except LedgerError as error:
                answers.append(error)
        return staging, answers

    def _write_own(self, data: Payload) -> None:
        event = NewEvent(data)
        batch = Batch((event,), (encode_body(event),), fresh_run=True)
        staging, answers = self._stage([batch])
        if isinstance(answers[0], LedgerError):
            raise answers[0]
        self._write(staging)
        # It was staged without a look at the events of no run that came before.
        self._states.forget()

    def _write(self, staging: Staging) -> None:
        try:
            self._tail.append(b"".join(staging.lines), staging.end)
        except OSError as error:
            self._roll_back(error)
            raise
        staging.keep()
        # So that nobody reads it again to know.
        begin = staging.begin
        self._reader.run_index.note(begin.segment, begin.offset, staging.runs, staging.lines)

    def _roll_back(self, cause: OSError) -> None:
        """Cut off what was written by a write that failed.

        Raises:
            DurabilityUnknown: that could not be done: some of it may stay.
        """
        try:
            self._turn.roll_back(self._tail)
        except (OSError, LockTimeout) as error:
            reason = f"it was written in part ({_cause(cause)}), and could not be cut off: {error}"
            raise DurabilityUnknown(segment_name(self._tail.end.segment), reason) from error

    def _must_rotate(self, size: int) -> bool:
        offset = self._tail.end.offset
        return offset > 0 and offset + size > self._options.segment_bytes

    def _rotate(self) -> None:
        self._lock.check_in_place()
        sealed = self._tail.end
        self._turn.make_durable(self._tail, sealed)
        self._tail.rotate()
        self.sealed.append(sealed.segment)
        self._turn.begin_segment(self._tail)

    def _confirm(self, end: End) -> None:
        """Make durable what was written, without the lock.

        Raises:
            DurabilityUnknown: that could not be done.
        """
        try:
            self._turn.make_durable(self._tail, end)
        except (LockTimeout, OSError) as error:
            self._forget()
            cause = _cause(error) if isinstance(error, OSError) else str(error)
            raise DurabilityUnknown(segment_name(end.segment), cause) from error
        except LedgerError:
            self._forget()
            raise

    def _forget(self) -> None:
        self._tail.forget()
        self._states.forget()

    def close(self) -> None:
        """Let go of all descriptors; no commit comes after this. Twice does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._tail.close()
        self._lock.close()
        self._turn.close()


def _cause(error: OSError) -> str:
    return _CAUSES.get(error.errno or 0, os.strerror(error.errno or 0))


def _undurable(answer: Answer, durable_position: int) -> Answer:
    if isinstance(answer, LedgerError):
        return answer
    return [
        msgspec.structs.replace(receipt, durable=receipt.position <= durable_position)
        for receipt in answer
    ]
