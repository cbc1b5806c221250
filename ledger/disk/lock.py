"""The folder's lock: one ``flock`` on a file that is never deleted, shared by all that append.

The lock file also keeps the durable mark (see ``mark.py``), so whoever holds the lock has both.
``flock`` and not ``fcntl`` locks: those vanish when any descriptor of the file is closed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import threading
from pathlib import Path
from typing import Self

from ledger.errors import LedgerReplaced, LedgerUnwritable, LockTimeout

__all__ = ["FolderLock", "close_lock", "holder_of", "open_lock_file", "try_flock"]

# More of them, and a crowd of waiting processes keeps the holder itself from running.
_YIELDS = 30


def open_lock_file(path: Path, mode: int = 0o644) -> int:
    """Open a lock file, making it when it is missing; never through a symlink.

    Raises:
        LedgerUnwritable: it is a symlink or no regular file, or the folder cannot be written.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise LedgerUnwritable(path.parent, f"{path.name} is a symlink: remove it") from None
        if error.errno == errno.ENOENT:
            raise LedgerUnwritable(path.parent, "the folder is gone") from None
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise LedgerUnwritable(path.parent, f"{path.name} is not a regular file: remove it")
    return fd


def try_flock(fd: int, *, shared: bool = False) -> bool:
    """Take the lock if it is free, and tell whether it was."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def close_lock(fd: int) -> None:
    """Free the lock, and close its file.

    Closing alone would leave it to a child that was forked meanwhile and has the same open file.
    So this is not for such a child, which would free what is its parent's.
    """
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def holder_of(fd: int) -> int | None:
    """Ask the kernel which process holds the flock on this file; None where it does not tell."""
    inode = os.fstat(fd).st_ino
    try:
        table = Path("/proc/locks").read_text()
    except OSError:
        return None
    found = re.search(rf"FLOCK\s+ADVISORY\s+WRITE\s+(\d+)\s+\S+:{inode}\s", table)
    return int(found[1]) if found else None


class _Queue:
    """Waits for a lock in the kernel's queue, which is fair, from a thread of its own.

    A wait inside ``flock`` cannot be given up, so the thread does the waiting, and frees the lock
    again when it gets it after the one who asked has gone away.
    """

    def __init__(self) -> None:
        self._asked = threading.Semaphore(0)
        self._answered = threading.Semaphore(0)
        self._guard = threading.Lock()
        self._given_up = False
        self._fd = -1
        self._thread = threading.Thread(target=self._serve, name="runfold-lock", daemon=True)
        self._thread.start()

    def wait(self, fd: int, timeout: float) -> bool:
        """Wait for the lock, and tell whether it was got in time."""
        self._fd = fd
        self._asked.release()
        return self._answered.acquire(timeout=timeout)

    def give_up(self) -> bool:
        """Stop waiting; False where the lock was got just now. A queue given up is done with."""
        with self._guard:
            self._given_up = not self._answered.acquire(blocking=False)
            return self._given_up

    def _serve(self) -> None:
        while True:
            self._asked.acquire()
            if self._fd < 0:
                return
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            with self._guard:
                if self._given_up:
                    close_lock(self._fd)
                    return
                self._answered.release()

    def end(self) -> None:
        """End the thread, which a forked child does not have; nobody waits."""
        if self._thread.is_alive():
            self._fd = -1
            self._asked.release()


class FolderLock:
    """``flock`` on the folder's lock file, with a bound on the wait. One thread at a time."""

    def __init__(self, path: Path, timeout: float) -> None:
        """Open (or make) the lock file at ``path``; waits give up after ``timeout`` seconds."""
        self._path = path
        self._timeout = timeout
        self._queue: _Queue | None = None
        self.fd = open_lock_file(path)

    def hold(self) -> Self:
        """Hold the lock in a ``with`` block, which gives the lock file's descriptor.

        Raises:
            LockTimeout: on entering: somebody else kept it; carries the pid.
        """
        return self

    def __enter__(self) -> int:
        """Wait for the lock."""
        while True:
            if not try_flock(self.fd) and not self._is_free_soon():
                self._wait()
            if os.fstat(self.fd).st_nlink:
                return self.fd
            # The lock file was removed or replaced: this one is not what others lock.
            replaced = self.fd
            self.fd = open_lock_file(self._path)
            os.close(replaced)

    def __exit__(self, *_error: object) -> None:
        """Free the lock."""
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def check_in_place(self) -> None:
        """Make sure that the file that is locked is still the one of the folder.

        Raises:
            LedgerReplaced: the folder was moved, and another is in its place.
            LedgerUnwritable: there is none in its place.
        """
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise LedgerUnwritable(self._path.parent, "the folder is gone") from None
        if not os.path.samestat(found, os.fstat(self.fd)):
            reason = "it was moved while it was written, and another is in its place"
            raise LedgerReplaced(self._path.parent, reason)

    def _is_free_soon(self) -> bool:
        """Take the lock if others let go of it soon: they hold it for microseconds."""
        for _ in range(_YIELDS):
            os.sched_yield()
            if try_flock(self.fd):
                return True
        return False

    def _wait(self) -> None:
        if self._queue is None:
            self._queue = _Queue()
        try:
            if self._queue.wait(self.fd, self._timeout):
                return
        except BaseException:
            if not self._leave(self._queue):
                fcntl.flock(self.fd, fcntl.LOCK_UN)
            raise
        if self._leave(self._queue):
            raise LockTimeout(self._path, self._timeout, holder_of(self.fd))

    def _leave(self, queue: _Queue) -> bool:
        """Stop waiting; False where the lock was got after all."""
        if not queue.give_up():
            return False
        # The thread still waits on this descriptor, and closes it; from here on there is another.
        self._queue = None
        self.fd = open_lock_file(self._path)
        return True

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._queue is not None:
            self._queue.end()
            self._queue = None
        os.close(self.fd)
