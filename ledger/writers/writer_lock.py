"""The writer's sign of life: a ``flock`` on ``writers/<run_id>``, held while the run is recorded.

The kernel frees it when the process dies, however it dies, so a free lock means: gone. No heartbeat
is needed, and none can be late.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from ledger.disk.files import open_file
from ledger.disk.folder import LedgerFolder
from ledger.disk.fork_safety import forget_in_children
from ledger.disk.lock import close_lock, holder_of, open_lock_file, try_flock
from ledger.errors import InvalidEvent, LockTimeout
from ledger.identifiers import NAME_RULE, RUN_ID
from ledger.writers.machine import is_alive

__all__ = ["WriterLock", "is_writer_gone", "take_over"]

_PATIENCE = 2.0


def _path(folder: LedgerFolder, run_id: str) -> Path:
    """Give the lock's path, once the run id is known to be a plain name.

    Raises:
        InvalidEvent: it is not an identifier, so it never becomes a path.
    """
    if not RUN_ID.fullmatch(run_id):
        raise InvalidEvent("run_id", f"{run_id!r} is not a name: {NAME_RULE}")
    return folder.writers / run_id


class WriterLock:
    """Held by the process that records a run; let go of in forked children."""

    def __init__(self, folder: LedgerFolder, run_id: str) -> None:
        """Take the lock of a run.

        Raises:
            InvalidEvent: the run id is not an identifier.
            LockTimeout: another process records this run.
        """
        self._path = _path(folder, run_id)
        self._path.parent.mkdir(exist_ok=True)
        self._fd = open_lock_file(self._path)
        # Before the lock is taken: a child that is forked just then would have it as well.
        forget_in_children(self)
        deadline = time.monotonic() + _PATIENCE
        while not try_flock(self._fd):
            # Somebody may just be looking whether this writer is alive; a look is short.
            if time.monotonic() > deadline:
                holder = holder_of(self._fd)
                self.forget_in_child()
                raise LockTimeout(self._path, _PATIENCE, holder)
            time.sleep(0.005)

    def release(self) -> None:
        """Remove the file and free the lock; the run has ended. Twice does nothing."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            self.forget_in_child()

    def forget_in_child(self) -> None:
        """Close the descriptor and nothing else."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_writer_gone(folder: LedgerFolder, run_id: str, *, pid: int, same_boot: bool) -> bool:
    """Tell whether the process that recorded a run on this machine is gone.

    Where somebody removed the lock file, only a process that cannot live any more counts as gone.
    """
    try:
        fd = open_file(_path(folder, run_id))
    except OSError:
        return not (same_boot and is_alive(pid))
    try:
        return try_flock(fd, shared=True)
    finally:
        close_lock(fd)


def take_over(folder: LedgerFolder, run_id: str) -> WriterLock | None:
    """Take the lock of a run whose writer is gone; None where somebody holds it after all."""
    try:
        return WriterLock(folder, run_id)
    except LockTimeout:
        return None
