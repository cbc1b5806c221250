"""``EventLog``: append, read after a position, follow. The small protocol everything else uses."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ledger.disk.file_system import file_system_of, is_network
from ledger.disk.files import make_folder
from ledger.disk.folder import Identity, LedgerFolder
from ledger.disk.fork_safety import forget_in_children
from ledger.disk.lock import FolderLock
from ledger.errors import InvalidEvent, LedgerError, LedgerUnwritable
from ledger.identifiers import random_uuid
from ledger.line.codec import FORMAT
from ledger.line.shortening import encode_redacted
from ledger.payloads.derived import LedgerCreated
from ledger.payloads.payload import build
from ledger.plain_values import utc_text
from ledger.reading.identity_check import check_identity
from ledger.reading.reader import LogReader
from ledger.recorded import NewEvent, Receipt, RecordedEvent
from ledger.secrets.redaction import Redaction, rules_of_environment
from ledger.writers.writer_lock import WriterLock
from ledger.writing.appender import LOCK_TIMEOUT, SEGMENT_BYTES, Appender, Options
from ledger.writing.group_commit import GroupCommit
from ledger.writing.sealing import seal_in_background
from ledger.writing.staging import Batch

__all__ = ["Durability", "EventLog"]

Durability = Literal["always", "process"]
_SYNC_WITHIN = 0.5
_ADDRESSES = ("http:/", "https:/")
_ELSEWHERE = (
    "that is the address of a ledger elsewhere, and no folder: RunContext.start and runfold exec"
    " record there"
)


class EventLog:
    """A log in a folder, for appending and reading.

    Safe to share between threads, async tasks and forked children; several processes may each open
    their own.
    """

    def __init__(
        self,
        folder: Path | str,
        options: Options | None = None,
        *,
        redaction: Redaction | None = None,
    ) -> None:
        """Open the log, making it where there is none. ``open`` reads better."""
        self._folder = LedgerFolder(Path(folder))
        self._options = options or Options()
        self._redaction = redaction or Redaction(rules_of_environment())
        self._closed = False
        self._start_anew()
        forget_in_children(self)

    @classmethod
    def open(
        cls,
        folder: Path | str,
        *,
        durability: Durability = "always",
        segment_bytes: int = SEGMENT_BYTES,
        lock_timeout: float = LOCK_TIMEOUT,
        allow_network: bool | None = None,
        redact: Sequence[str] = (),
    ) -> Self:
        """Open the log in a folder for appending; make it where there is none.

        A torn tail is moved to quarantine, cut, and noted in the log by ``ledger_recovered``.

        Args:
            folder: the data folder.
            durability: ``"always"``: an append returns after the sync, and survives a power cut.
                ``"process"``: it returns after the write, survives the death of the process, and
                is synced within a second.
            segment_bytes: a segment is rotated before it grows beyond this.
            lock_timeout: seconds to wait for another process that holds the lock.
            allow_network: whether a network file system will do, whose locks you know to hold
                between machines; None asks the environment for ``RUNFOLD_ALLOW_NETWORK=1``.
            redact: names of further keys whose text is never recorded, like ``iban``; those in
                ``RUNFOLD_REDACT`` and the usual ones (``password``, ``token``) need no mention.

        Raises:
            LedgerUnwritable: the folder cannot be written.
            LedgerDamaged: bytes below the durable mark are wrong, or ``ledger.json`` is that of
                another log; nothing was changed.
            LockTimeout: another process holds the lock.
        """
        if durability not in ("always", "process"):
            raise InvalidEvent("durability", f"{durability!r} is not 'always' or 'process'")
        options = Options(
            durable=durability == "always",
            segment_bytes=segment_bytes,
            lock_timeout=lock_timeout,
            allow_network=(
                os.environ.get("RUNFOLD_ALLOW_NETWORK") == "1"
                if allow_network is None
                else allow_network
            ),
        )
        redaction = Redaction((*rules_of_environment(), *redact))
        return cls(folder, options, redaction=redaction)

    def _start_anew(self) -> None:
        """Open descriptors and locks of this process's own."""
        try:
            created = self._create_where_missing()
            self.reader = LogReader(self._folder.path, keep_index=True)
            lock = FolderLock(self._folder.lock, self._options.lock_timeout)
            self._appender = Appender(self.reader, lock, self._options)
        except OSError as error:
            raise LedgerUnwritable(self._folder.path, _reason(error)) from error
        try:
            self._appender.recover(created)
        except BaseException as error:
            self._appender.close()
            if isinstance(error, OSError):
                raise LedgerUnwritable(self._folder.path, _reason(error)) from error
            raise
        self._commits = GroupCommit(self._appender.commit)
        self._wake = threading.Event()
        self._syncer: threading.Thread | None = None
        self._sealers: list[threading.Thread] = []
        self._stale = False

    def _create_where_missing(self) -> Callable[[], LedgerCreated]:
        """Lay out the folder if it is new; two processes may try at once.

        Gives what makes the first event, which few need.
        """
        folder = self._folder
        if not folder.exists():
            if str(folder.path).startswith(_ADDRESSES):
                raise LedgerUnwritable(folder.path, _ELSEWHERE)
            make_folder(folder.path)
            self._check_file_system()
            lock = FolderLock(folder.lock, self._options.lock_timeout)
            try:
                with lock.hold():
                    if not folder.exists():
                        now = utc_text(datetime.now(UTC))
                        folder.create(Identity(random_uuid(), FORMAT, now))
            finally:
                lock.close()
        self._check_file_system()
        identity = folder.identity()
        if identity.format != FORMAT:
            raise LedgerUnwritable(
                folder.path,
                f"its format is {identity.format}; this version writes format {FORMAT}",
            )
        check_identity(folder, identity.ledger_id)
        return partial(build, LedgerCreated, ledger_id=identity.ledger_id, format=identity.format)

    def _check_file_system(self) -> None:
        kind = file_system_of(self._folder.path)
        if is_network(kind) and not self._options.allow_network:
            reason = (
                f"{kind} is a network file system, where locks and appends of two machines may"
                " collide; record on a local disk, or set RUNFOLD_ALLOW_NETWORK=1"
            )
            raise LedgerUnwritable(self._folder.path, reason)

    def hold_run(self, run_id: str) -> WriterLock:
        """Take the writer lock of a run that this process records.

        Raises:
            InvalidEvent: the run id is not an identifier.
            LockTimeout: another process records this run.
        """
        return WriterLock(self._folder, run_id)

    def append(self, event: NewEvent, *, expected_sequence: int | None = None) -> Receipt:
        """Append one event, and return where it lies.

        Args:
            event: the new event.
            expected_sequence: the sequence its run must stand at; 0 means no run yet.

        Raises:
            InvalidEvent: the event may not enter the log; names the field.
            IllegalTransition: the lifecycle forbids it now.
            SequenceConflict: the run stands elsewhere.
            EventIdConflict: its event_id stands for another event.
            AppendFailed: nothing was written, as on a full disk.
            DurabilityUnknown: written, but the sync failed.
        """
        return self.append_batch([event], expected_sequence=expected_sequence)[0]

    def append_batch(
        self,
        events: Sequence[NewEvent],
        *,
        expected_sequence: int | None = None,
        fresh_run: bool = False,
    ) -> list[Receipt]:
        """Append events together or not at all; receipts come in their order.

        ``fresh_run`` promises that the run id was made up just now, so it is not looked up.
        Raises what ``append`` raises.
        """
        if not events:
            return []
        if self._closed or self._stale:
            self._refresh_in_child()
        batch = self._prepare(events, expected_sequence, fresh_run=fresh_run)
        receipts = self._commits.submit(batch)
        self._tend()
        return receipts

    async def append_async(
        self, *events: NewEvent, expected_sequence: int | None = None
    ) -> list[Receipt]:
        """Append events as one batch without blocking the event loop.

        Tasks that append at the same time share one sync.
        """
        if not events:
            return []
        self._refresh_in_child()
        batch = self._prepare(events, expected_sequence, fresh_run=False)
        receipts = await self._commits.submit_async(batch)
        self._tend()
        return receipts

    def _prepare(
        self, events: Sequence[NewEvent], expected_sequence: int | None, *, fresh_run: bool
    ) -> Batch:
        """Redact and encode before the lock is taken."""
        bodies = [encode_redacted(event, self._redaction) for event in events]
        if len(events) > 1 and len({event.event_id for event in events}) < len(events):
            raise InvalidEvent("event_id", "one id stands twice in the batch")
        return Batch(tuple(events), bodies, expected_sequence, fresh_run)

    def _tend(self) -> None:
        """Leave to threads what no caller should wait for.

        That is the index of a segment that was just sealed, and the sync within a second of what
        ``durability="process"`` left unsynced.
        """
        while self._appender.sealed:
            segment = self._appender.sealed.pop()
            self._sealers = [thread for thread in self._sealers if thread.is_alive()]
            self._sealers.append(seal_in_background(self._folder.path, segment))
        if not self._options.durable and self._appender.unsynced and self._syncer is None:
            self._syncer = threading.Thread(
                target=self._sync_in_background, name="runfold-sync", daemon=True
            )
            self._syncer.start()

    def _sync_in_background(self) -> None:
        while not self._wake.wait(_SYNC_WITHIN):
            # What fails now is tried again; what fails to the end is raised by ``close``.
            with suppress(LedgerError, OSError):
                self._commits.exclusively(self._appender.sync)

    def sync(self) -> None:
        """Make everything appended so far durable, whatever the durability."""
        self._refresh_in_child()
        self._commits.exclusively(self._appender.sync)

    def read(self, after: int = 0, until: int | None = None) -> Iterator[RecordedEvent]:
        """Yield the durable events after a position, in order."""
        return self.reader.read(after, until)

    def read_run(self, run_id: str) -> Iterator[RecordedEvent]:
        """Yield one run's durable events, in order."""
        return self.reader.read_run(run_id)

    def follow(self, after: int = 0, *, timeout: float | None = None) -> Iterator[RecordedEvent]:
        """Yield the durable events after a position, and then those that come."""
        return self.reader.follow(after, timeout=timeout)

    @property
    def folder(self) -> LedgerFolder:
        """Where the log lies."""
        return self._folder

    @property
    def position(self) -> int:
        """The last durable position."""
        return self.reader.position

    def forget_in_child(self) -> None:
        """In a forked child: close the parent's descriptors; the next append opens new ones."""
        if not self._closed and not self._stale:
            self._appender.close()
            self._stale = True

    def _refresh_in_child(self) -> None:
        if self._closed:
            raise LedgerUnwritable(self._folder.path, "this EventLog was closed")
        if self._stale:
            self._start_anew()

    def close(self) -> None:
        """Sync what is unsynced and let go of everything. Closing twice does nothing."""
        if self._closed:
            return
        if not self._stale:
            self._wake.set()
            self._commits.close()
            self._commits.exclusively(self._end_writing)
            for thread in self._sealers:
                thread.join()
        self._closed = True

    def _end_writing(self) -> None:
        self._appender.sync()
        self._appender.close()

    def __enter__(self) -> Self:
        """Give the log itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the log."""
        self.close()


def _reason(error: OSError) -> str:
    if error.errno == errno.EROFS:
        return "the file system is read-only; serve it with a reading command, or remount it"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "permission denied; change its owner or mode, or name another folder"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "it is a file, not a folder"
    return str(error)
