"""The durable mark: how far the log is known to be on disk.

Kept in the ``lock`` file as two records of 128 bytes that a person can read, each written by one
``pwrite`` and checked by its own CRC::

    mark <segment> <offset> <position> <boot id> <crc>
    poison <segment> <boot id> <crc>

The mark only moves forward, by whoever has synced; readers, projections and tree heads stop at it.
Wrong bytes below it are damage; above it, a torn tail. The poison record names a segment whose sync
failed: nobody syncs that one again, and the next writer copies what lies above the mark elsewhere.
"""

from __future__ import annotations

import os
import zlib
from functools import lru_cache

import msgspec

__all__ = [
    "Mark",
    "Records",
    "read_mark",
    "read_poison",
    "write_mark",
    "write_poison",
]

_RECORD = 128
_TRIES = 5


class Mark(msgspec.Struct, frozen=True, gc=False):
    """All bytes before ``offset`` in ``segment``, up to ``position``, are on disk."""

    segment: int
    offset: int
    position: int
    boot_id: str = ""


def _encode(words: bytes) -> bytes:
    return (b"%b %08x" % (words, zlib.crc32(words))).ljust(_RECORD - 1) + b"\n"


def _decode(record: bytes) -> tuple[str, ...] | None:
    text, _, crc = record.rstrip().rpartition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        return None
    return tuple(text.decode("ascii", "replace").split(" "))


@lru_cache(maxsize=64)
def _decode_mark(record: bytes) -> Mark | None:
    words = _decode(record)
    if words is None or len(words) != 5 or words[0] != "mark":  # noqa: PLR2004 - five words
        return None
    return Mark(int(words[1]), int(words[2]), int(words[3]), words[4])


def _decode_poison(record: bytes) -> int | None:
    words = _decode(record) if record else None
    if words is None or words[0] != "poison" or words[1] == "-":
        return None
    return int(words[1])


def _read(fd: int) -> bytes:
    """Read both records; a mark that cannot be trusted is there only if it stays so."""
    # A reader holds no lock, so it may meet a record while it is being written.
    for _ in range(_TRIES):
        data = os.pread(fd, 2 * _RECORD, 0)
        if _decode_mark(data[:_RECORD]) is not None or not data[:_RECORD].strip(b"\x00"):
            break
    return data


def read_mark(fd: int) -> Mark | None:
    """Read the mark; None where there is none that can be trusted."""
    return _decode_mark(_read(fd)[:_RECORD])


def read_poison(fd: int) -> int | None:
    """Read from the lock file which segment's sync failed, by its first position; None: none."""
    return _decode_poison(_read(fd)[_RECORD:])


class Records:
    """Both records as one writer last read or wrote them: what did not change is not read anew.

    Attributes:
        mark: the durable mark; None where there is none that can be trusted.
        poison: the segment whose sync failed, by its first position; None where none did.
    """

    __slots__ = ("_raw", "_unnoted", "mark", "poison")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._raw = b""
        self._unnoted: int | None = None
        self.mark: Mark | None = None
        self.poison: int | None = None

    def read(self, fd: int) -> None:
        """Take in what the lock file says now."""
        if os.pread(fd, 2 * _RECORD, 0) != self._raw:
            self._raw = _read(fd)
            self.mark = _decode_mark(self._raw[:_RECORD])
            self.poison = _decode_poison(self._raw[_RECORD:])
        if self._unnoted is not None:
            self.poison = max(self._unnoted, self.poison or 0)

    def cover(self, segment: int, offset: int) -> bool:
        """Tell whether the mark has come as far as a place in the log."""
        mark = self.mark
        return mark is not None and (mark.segment, mark.offset) >= (segment, offset)

    def write_mark(self, fd: int, mark: Mark) -> None:
        """Put the mark there; the caller orders the moves, and has synced that far."""
        record = _encode_mark(mark)
        os.pwrite(fd, record, 0)
        self._raw = record + self._raw[_RECORD:]
        self.mark = mark

    def write_poison(self, fd: int, segment: int, boot_id: str) -> None:
        """Say that this segment must never be synced again, unless a later one is named already.

        Where even that cannot be written, this process alone heeds it.
        """
        self.read(fd)
        if self.poison is not None and self.poison >= segment:
            return
        try:
            write_poison(fd, segment, boot_id)
        except OSError:
            self._unnoted = self.poison = segment

    def clear_poison(self, fd: int) -> None:
        """Say that the poisoned segment was replaced."""
        os.pwrite(fd, _encode(b"poison -"), _RECORD)
        self._unnoted = self.poison = None


def write_mark(fd: int, mark: Mark) -> None:
    """Put the mark anywhere: for a repair."""
    os.pwrite(fd, _encode_mark(mark), 0)


def _encode_mark(mark: Mark) -> bytes:
    words = f"mark {mark.segment:020} {mark.offset:020} {mark.position:020} {mark.boot_id}"
    return _encode(words.encode())


def write_poison(fd: int, segment: int, boot_id: str) -> None:
    """Say that this segment must never be synced again."""
    os.pwrite(fd, _encode(b"poison %020d %b" % (segment, boot_id.encode())), _RECORD)
