"""The only calls that make bytes durable; each states its guarantee and what is left to do.

Linux is what is tested. On macOS ``fsync`` does not reach the platter, so ``F_FULLFSYNC`` is used.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

__all__ = [
    "create_exclusive",
    "make_folder",
    "open_file",
    "read_file",
    "read_range",
    "replace_atomically",
    "sync_data",
    "sync_file",
    "sync_folder",
    "what_is_there",
    "write_whole",
]

_OTHER_KINDS = {
    errno.ELOOP: "a symlink is in its place",
    errno.EMLINK: "a symlink is in its place",
    errno.EISDIR: "a folder is in its place",
    errno.ENXIO: "a pipe, a socket or a device is in its place",
}


def sync_data(fd: int) -> None:
    """Return only when the file's bytes and size are on disk.

    A failure must never be retried on the same file: the kernel marks the pages clean, and the
    next call would lie. The caller poisons the segment instead.
    """
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


def sync_file(path: Path) -> None:
    """Return only when the bytes of a closed file are on disk. The caller syncs the folder."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        sync_data(fd)
    finally:
        os.close(fd)


def sync_folder(path: Path) -> None:
    """Return only when the folder's own entries (created, renamed, removed) are on disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are missing; their own entries are synced."""
    path = path.absolute()
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    # Also where the folder is there: who made it may have died before it could sync.
    for folder in missing or [path]:
        with suppress(PermissionError):
            sync_folder(folder.parent)


def create_exclusive(path: Path, data: bytes = b"", *, mode: int = 0o644) -> None:
    """Create a file that must not exist, with its bytes synced. The caller syncs the folder."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, mode)
    try:
        write_whole(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put new bytes in the place of a file: a reader or a crash sees the old or the new, whole.

    Of several who do so at once the last wins; its bytes are no less whole.
    """
    # Not by the process id alone: threads share one, and so do processes of two containers.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, mode)
    try:
        try:
            write_whole(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_whole(fd: int, data: bytes) -> None:
    """Write all of ``data``, by one call where the disk allows. Durable only after ``sync_data``.

    Raises:
        OSError: the cause; some of the bytes may lie there, and it is the caller who cuts them off.
    """
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])


def open_file(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file, and not through a symlink; nothing is waited for.

    Raises:
        OSError: it is missing, or something else is in its place: a symlink (ELOOP), a folder
            (EISDIR), or what has no bytes of its own, like a pipe (ENXIO).
    """
    # The open of a pipe waits for somebody at its other end, who may never come.
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    cause = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
    raise OSError(cause, _OTHER_KINDS[cause], os.fspath(path))


def what_is_there(error: OSError) -> str:
    """Say what was in the place of a file that could not be opened; empty if that was not why."""
    return _OTHER_KINDS.get(error.errno or 0, "")


def read_file(path: Path) -> bytes:
    """Read all of a file that is there; raises what ``open_file`` raises."""
    fd = open_file(path)
    try:
        return read_range(fd, 0, os.fstat(fd).st_size)
    finally:
        os.close(fd)


def read_range(fd: int, start: int, end: int) -> bytes:
    """Read the bytes from ``start`` to ``end``; fewer only where the file is shorter."""
    parts = []
    while start < end:
        part = os.pread(fd, min(end - start, 1 << 24), start)
        if not part:
            break
        parts.append(part)
        start += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
