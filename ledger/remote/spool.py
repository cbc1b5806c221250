"""The spool: a file in which a run keeps its events until the ledger elsewhere has taken them.

One file a run, under one folder for each ledger. Its first line says which ledger and which run it
is of; each further line is one record, with the CRC-32 of its bytes before it::

    5f0c3a1e {"expected_sequence":null,"event":{…}}

Guarantees. ``append`` returns after the sync: the event outlives the process and a power cut. A
line that was not finished is passed over, as nobody was told that it was kept; each record begins
with a line break, so that it never runs into what another append has left. The process that
records the run holds a ``flock`` on the file, so one that is free is of a writer that is gone, and
whoever takes its lock may send it. What was sent is not noted anywhere: an ``event_id`` that the
ledger has is taken once, however often it is sent, so a file is sent whole until it is removed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from ledger.disk.files import make_folder, sync_data, sync_folder
from ledger.disk.fork_safety import forget_in_children
from ledger.disk.lock import close_lock, try_flock
from ledger.disk.user_folder import user_folder
from ledger.errors import AppendFailed, InvalidEvent
from ledger.identifiers import RUN_ID

__all__ = [
    "Record",
    "Spool",
    "SpoolHead",
    "drop_begun",
    "left_spools",
    "refused_events",
    "refused_path",
    "spool_folder",
    "spool_root",
]

_BEGUN = ".begun"
_BEGUN_KEPT = 86_400.0
_CRC_WIDTH = 9
_CHUNK = 1 << 18
_SUFFIX, _SENT, _REFUSED = ".jsonl", ".sent.jsonl", ".refused.jsonl"


class SpoolHead(msgspec.Struct, frozen=True):
    """The first record of a spool: where its events are to go."""

    url: str
    run_id: str


class Record(msgspec.Struct, frozen=True):
    """One event that waits, as it will be sent, and the sequence that its run must stand at."""

    event: msgspec.Raw
    expected_sequence: int | None = None


def spool_root() -> Path:
    """Give the folder of all spools: ``RUNFOLD_SPOOL``, else one in the user's state folder."""
    if named := os.environ.get("RUNFOLD_SPOOL"):
        return Path(named)
    return user_folder("XDG_STATE_HOME", ".local/state", os.environ) / "runfold" / "spool"


def spool_folder(root: Path, url: str) -> Path:
    """Give the folder of the spools for one ledger."""
    return root / hashlib.sha256(url.encode()).hexdigest()[:16]


class Spool:
    """The file of one run. Safe to share between threads and with forked children."""

    def __init__(self, path: Path, fd: int, head: SpoolHead) -> None:
        """Take over an open file whose lock is held; ``create`` and ``take_over`` make one."""
        self.path = path
        self.head = head
        self._fd = fd
        self._guard = threading.Lock()
        forget_in_children(self)

    @classmethod
    def create(cls, folder: Path, head: SpoolHead) -> Spool:
        """Make the file of a run that begins.

        Raises:
            InvalidEvent: the run id is not an identifier.
            AppendFailed: the file cannot be made.
        """
        if not RUN_ID.fullmatch(head.run_id):
            raise InvalidEvent("run_id", f"{head.run_id!r} is not an identifier")
        path = folder / f"{head.run_id}-{secrets.token_hex(4)}{_SUFFIX}"
        # Under a name that nobody looks for: who found it without a lock could send and remove it.
        begun = path.with_suffix(_BEGUN)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            make_folder(folder)
            spool = cls(path, os.open(begun, flags, 0o600), head)
        except OSError as error:
            raise _cannot(path, error, "; RUNFOLD_SPOOL names another folder") from error
        try:
            try_flock(spool._fd)
            _write(spool._fd, _line(msgspec.json.encode(head)))
            begun.rename(path)
            sync_folder(folder)
        except OSError as error:
            begun.unlink(missing_ok=True)
            spool.close()
            raise _cannot(path, error) from error
        return spool

    @classmethod
    def take_over(cls, path: Path) -> Spool | None:
        """Take the file of a writer that is gone; None where one is there, or it is no spool."""
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            # Whoever held it may have sent and removed it just before it was locked here.
            if try_flock(fd) and os.fstat(fd).st_ino == path.stat().st_ino:
                (first, _), *_ = _lines(fd, 0)
                return cls(path, fd, msgspec.json.decode(first, type=SpoolHead))
        except (OSError, ValueError):
            pass
        os.close(fd)
        return None

    def append(self, record: Record) -> None:
        """Keep one event; it is on disk when this returns.

        Raises:
            AppendFailed: it cannot be kept.
        """
        line = b"\n" + _line(msgspec.json.encode(record))
        with self._guard:
            try:
                if self._fd < 0:
                    self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
                _write(self._fd, line)
                # Who has sent it all may have removed it, which this descriptor does not tell.
                self.path.stat()
            except OSError as error:
                raise _cannot(self.path, error) from error

    def read(self, offset: int) -> Iterator[tuple[Record, int]]:
        """Yield the records behind an offset, each with the offset behind it; 0 is the beginning.

        At most some hundreds at a time: read on from the last offset until nothing comes.
        """
        for data, end in _lines(self._fd, offset):
            try:
                yield msgspec.json.decode(data, type=Record), end
            except msgspec.DecodeError:
                continue

    def remove_behind(self, offset: int) -> bool:
        """Forget the file, unless something was kept behind what was read; tell whether it is gone.

        No append is lost between the look and the removal: here none can come, and one of another
        process either was there before the file was moved, or misses it and fails.
        """
        moved = self.path.with_name(_stem(self.path) + _SENT)
        with self._guard:
            if any(self.read(offset)):
                return False
            try:
                self.path.rename(moved)
            except FileNotFoundError:
                pass
            else:
                if any(self.read(offset)):
                    moved.rename(self.path)
                    return False
                moved.unlink()
        self.close()
        return True

    def close(self) -> None:
        """Let go of the file; what is in it stays for whoever sends it later."""
        with self._guard:
            if self._fd >= 0:
                close_lock(self._fd)
                self._fd = -1

    def forget_in_child(self) -> None:
        """Leave the lock to the parent in a forked child, which may still append."""
        self._guard = threading.Lock()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def left_spools(folder: Path) -> list[Path]:
    """List the spools of one ledger, oldest first; writers may still be there for some."""
    times: dict[Path, float] = {}
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            if path.name.endswith(_SUFFIX) and not path.name.endswith(_REFUSED):
                # Whoever sends it may remove it meanwhile.
                with suppress(FileNotFoundError):
                    times[path] = path.stat().st_mtime
    return sorted(times, key=times.__getitem__)


def drop_begun(folder: Path, *, now: float) -> None:
    """Remove what is left of processes that died while they made a spool: it holds no event.

    Args:
        folder: of the spools for one ledger.
        now: seconds since the epoch; what was begun less than a day before may be under way.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            if path.suffix == _BEGUN and now - path.stat().st_mtime > _BEGUN_KEPT:
                path.unlink(missing_ok=True)


def refused_path(path: Path) -> Path:
    """Give where the refused events of a spool are kept; it stays there when the spool is gone."""
    return path.with_name(_stem(path) + _REFUSED)


def refused_events(path: Path) -> int:
    """Count the refused events of a spool."""
    try:
        return refused_path(path).read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def _stem(path: Path) -> str:
    """Give what the files of one run have in common; who removes its spool may die half-way."""
    return path.name.removesuffix(_SENT).removesuffix(_SUFFIX)


def _lines(fd: int, offset: int) -> Iterator[tuple[bytes, int]]:
    """Yield sound lines behind an offset, from one chunk, each with the offset behind it.

    A chunk in which all is torn is passed over: what was kept behind it counts.
    """
    found = False
    while not found and (data := os.pread(fd, _CHUNK, offset)):
        whole = data[: data.rfind(b"\n") + 1] or (data if len(data) == _CHUNK else b"")
        if not whole:
            return
        for line in whole.splitlines(keepends=True):
            offset += len(line)
            crc, body = line[: _CRC_WIDTH - 1], line[_CRC_WIDTH:-1]
            if b"%08x" % zlib.crc32(body) == crc:
                found = True
                yield body, offset


def _line(data: bytes) -> bytes:
    return b"%08x %b\n" % (zlib.crc32(data), data)


def _write(fd: int, line: bytes) -> None:
    """Write a line at once, and return when it is on disk."""
    if os.write(fd, line) < len(line):
        raise OSError(None, "it was written only in part")
    sync_data(fd)


def _cannot(path: Path, error: OSError, way_on: str = "") -> AppendFailed:
    return AppendFailed(f"the spool {path}: {error.strerror or error}{way_on}")
