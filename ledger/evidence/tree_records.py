"""The records of the file ``tree``: hashes of full subtrees, each checking itself. Derived.

Text of fixed width, 74 bytes a record::

    <hash, 64 hex digits> <crc, 8 hex digits>

After the hashes of 256 subtrees of 256 leaves each comes the hash of the subtree of 65,536 leaves
over them, and so on. ``crc`` is the CRC-32 of ``<ledger_id> <record number, from 0> <hash>``, so a
record that was damaged, cut, moved or left over from another log is noticed where it is used.

A crash leaves whole records, and perhaps a torn one after them, which does not count.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ledger.disk.files import open_file, read_range
from ledger.evidence.merkle import perfect_root

__all__ = [
    "BLOCK_LEVEL",
    "BLOCK_SIZE",
    "GROUP_LEVEL",
    "BadRecord",
    "FileBytes",
    "MemoryBytes",
    "RecordBytes",
    "TreeRecords",
]

BLOCK_LEVEL = 8
GROUP_LEVEL = 16
BLOCK_SIZE = 1 << BLOCK_LEVEL

_RECORD = 74
_GROUP = (1 << GROUP_LEVEL - BLOCK_LEVEL) + 1
"""Records of a group: the blocks, and the subtree over them."""


class BadRecord(Exception):
    """A record is missing, or is not what was written: it must be made again from the lines."""


class RecordBytes(Protocol):
    """Where records lie."""

    def size(self) -> int:
        """Give how many bytes there are."""

    def read(self, start: int, end: int) -> bytes:
        """Give the bytes of a range; fewer where there are fewer."""

    def write(self, data: bytes, at: int) -> None:
        """Put bytes at an offset."""

    def cut(self, size: int) -> None:
        """Forget what lies beyond ``size``."""


class FileBytes:
    """Records in a file, which may be missing; who writes holds a lock on it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def size(self) -> int:
        """Give how many bytes there are."""
        try:
            return self._path.lstat().st_size
        except OSError:
            return 0

    def read(self, start: int, end: int) -> bytes:
        """Give the bytes of a range; fewer where there are fewer, none where none can be read."""
        try:
            fd = open_file(self._path)
            try:
                return read_range(fd, start, end)
            finally:
                os.close(fd)
        except OSError:
            return b""

    def write(self, data: bytes, at: int) -> None:
        """Put bytes at an offset, from the first to the last; not synced, as they are derived."""
        fd = open_file(self._path, os.O_WRONLY)
        try:
            while data:
                written = os.pwrite(fd, data, at)
                data, at = data[written:], at + written
        finally:
            os.close(fd)

    def cut(self, size: int) -> None:
        """Forget what lies beyond ``size``."""
        os.truncate(self._path, size)


class MemoryBytes:
    """Records in memory, for a folder that cannot be written."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)

    def size(self) -> int:
        """Give how many bytes there are."""
        return len(self._data)

    def read(self, start: int, end: int) -> bytes:
        """Give the bytes of a range; fewer where there are fewer."""
        return bytes(self._data[start:end])

    def write(self, data: bytes, at: int) -> None:
        """Put bytes at an offset."""
        self._data[at : at + len(data)] = data

    def cut(self, size: int) -> None:
        """Forget what lies beyond ``size``."""
        del self._data[size:]


def _number(level: int, index: int) -> int:
    """Give the record number of a subtree of 256 or 65,536 leaves."""
    if level == GROUP_LEVEL:
        return index * _GROUP + _GROUP - 1
    return index + index // (_GROUP - 1)


class TreeRecords:
    """The records of one log, in a file or in memory."""

    def __init__(self, data: RecordBytes, ledger_id: str) -> None:
        """Read and write records that belong to ``ledger_id``."""
        self._bytes = data
        self._salt = ledger_id.encode()

    @property
    def blocks(self) -> int:
        """How many subtrees of 256 leaves are here, as far as the size tells."""
        whole, left = divmod(self._bytes.size() // _RECORD, _GROUP)
        # The last block of a group counts only together with the record over the group.
        return whole * (_GROUP - 1) + min(left, _GROUP - 2)

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        """Give the hashes of ``count`` neighbouring subtrees of 256 or of 65,536 leaves.

        Raises:
            BadRecord: one of them is missing or damaged.
        """
        if level == BLOCK_LEVEL:
            start, end = _number(level, first), _number(level, first + count)
            data = self._bytes.read(start * _RECORD, end * _RECORD)
            numbers = [_number(level, index) for index in range(first, first + count)]
            return [self._decode(data, number - start, number) for number in numbers]
        return [self._group(index) for index in range(first, first + count)]

    def _group(self, index: int) -> bytes:
        number = _number(GROUP_LEVEL, index)
        data = self._bytes.read(number * _RECORD, (number + 1) * _RECORD)
        return self._decode(data, 0, number)

    def append(self, blocks: Sequence[bytes]) -> None:
        """Put the next subtrees of 256 leaves, and those of 65,536 that they fill.

        Raises:
            BadRecord: an earlier record of a group that they fill is damaged.
        """
        first = self.blocks
        of_group = first % (_GROUP - 1)
        fills = of_group + len(blocks) >= _GROUP - 1
        group = self.hashes(BLOCK_LEVEL, first - of_group, of_group) if fills else []
        data = b""
        for index, block in enumerate(blocks, first):
            data += self._encode(_number(BLOCK_LEVEL, index), block)
            group.append(block)
            if len(group) == _GROUP - 1:
                data += self._encode(_number(BLOCK_LEVEL, index) + 1, perfect_root(group))
                group = []
        self._bytes.write(data, _number(BLOCK_LEVEL, first) * _RECORD)

    def cut(self, blocks: int) -> None:
        """Keep so many subtrees of 256 leaves, and no torn record after them."""
        size = _number(BLOCK_LEVEL, blocks) * _RECORD
        if self._bytes.size() > size:
            self._bytes.cut(size)

    def _encode(self, number: int, value: bytes) -> bytes:
        text = value.hex().encode()
        return b"%b %08x\n" % (text, self._crc(number, text))

    def _decode(self, data: bytes, at: int, number: int) -> bytes:
        record = data[at * _RECORD : (at + 1) * _RECORD]
        text = record[:64]
        if record[64:] != b" %08x\n" % self._crc(number, text):
            raise BadRecord(number)
        return bytes.fromhex(text.decode())

    def _crc(self, number: int, text: bytes) -> int:
        return zlib.crc32(b"%b %d %b" % (self._salt, number, text))
