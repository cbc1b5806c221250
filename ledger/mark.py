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
    "advance_mark",
    "clear_poison",
    "read_mark",
    "read_poison",
    "read_records",
    "write_mark",
    "write_poison",
]

_RECORD = 128
_ORDERED = len("mark ") + 2 * 21
_TRIES = 5


class Mark(msgspec.Struct, frozen=True):
    """All bytes before ``offset`` in ``segment``, up to ``position``, are on disk."""

    segment: int
    offset: int
    position: int
    boot_id: str = ""

    def is_before(self, other: Mark) -> bool:
        """Tell whether the other mark is further on in the log."""
        return (self.segment, self.offset) < (other.segment, other.offset)


def _encode(text: str) -> bytes:
    words = text.encode()
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


@lru_cache(maxsize=64)
def _decode_poison(record: bytes) -> int | None:
    words = _decode(record)
    if words is None or words[0] != "poison" or words[1] == "-":
        return None
    return int(words[1])


def read_records(fd: int) -> tuple[Mark | None, int | None]:
    """Read the mark and the poisoned segment; None where there is none that can be trusted."""
    # A reader holds no lock, so it may meet a record while it is being written.
    for _ in range(_TRIES):
        data = os.pread(fd, 2 * _RECORD, 0)
        mark = _decode_mark(data[:_RECORD])
        if mark is not None or not data[:_RECORD].strip(b"\x00"):
            break
    poison = data[_RECORD:]
    return mark, _decode_poison(poison) if poison else None


def read_mark(fd: int) -> Mark | None:
    """Read the mark; None where there is none that can be trusted."""
    return read_records(fd)[0]


def read_poison(fd: int) -> int | None:
    """Read which segment's sync failed, by its first position; None where none did."""
    return read_records(fd)[1]


def advance_mark(fd: int, mark: Mark) -> int | None:
    """Move the mark forward, never back; the caller has synced that far and orders the moves.

    Returns:
        The poisoned segment, if there is one; the mark is then left to whoever replaces it.
    """
    data = os.pread(fd, 2 * _RECORD, 0)
    poison = _decode_poison(data[_RECORD:]) if data[_RECORD:].strip(b"\x00") else None
    if poison != mark.segment:
        record = _encode_mark(mark)
        # Numbers of fixed width compare as text, so the record need not be taken apart.
        if not (data[:_ORDERED] >= record[:_ORDERED] and _decode_mark(data[:_RECORD])):
            os.pwrite(fd, record, 0)
    return poison


def write_mark(fd: int, mark: Mark) -> None:
    """Put the mark anywhere: for a repair, and for who has replaced a poisoned segment."""
    os.pwrite(fd, _encode_mark(mark), 0)


def _encode_mark(mark: Mark) -> bytes:
    return _encode(
        f"mark {mark.segment:020d} {mark.offset:020d} {mark.position:020d} {mark.boot_id}"
    )


def write_poison(fd: int, segment: int, boot_id: str) -> None:
    """Say that this segment must never be synced again."""
    os.pwrite(fd, _encode(f"poison {segment:020d} {boot_id}"), _RECORD)


def clear_poison(fd: int) -> None:
    """Say that the poisoned segment was replaced."""
    os.pwrite(fd, _encode("poison -"), _RECORD)
