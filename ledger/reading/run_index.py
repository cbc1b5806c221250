"""Where the lines of a run lie, so that nobody scans the log for them. Derived, all of it.

A sealed segment has a file in ``index/``: text lines sorted by run id, found by bisection::

    runfold-index 1 <segment> <bytes of the segment> <bytes of this file> <crc>
    <run id, or - for events of no run> <offset>,<offset>,… <crc>

Each line checks itself by a CRC that also covers the segment's number, so an index that was
damaged, cut, swapped or left over from another log is noticed where it is used, and built anew. The
active segment is indexed in memory, and only what was appended since the last look.
"""

from __future__ import annotations

import mmap
import os
import resource
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ledger.disk.files import open_file, read_range, replace_atomically
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.fork_safety import forget_in_children
from ledger.errors import LedgerDamaged

__all__ = [
    "ActiveIndex",
    "RunIndex",
    "SealedIndex",
    "StaleIndex",
    "encode_index",
    "index_name",
]

# The keys before run_id hold no free text and, but for the position, are of fixed width.
_RUN_ID = b'"run_id":'
_HEAD = 180
_NO_RUN = b"-"


def _most_mapped() -> int:
    """Give how many index files may be mapped: each takes a descriptor, and many do other work."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 4096 if allowed == resource.RLIM_INFINITY else min(allowed // 4, 4096)


def index_name(first: int) -> str:
    """Name the index of the segment whose first line has this position."""
    return f"{first:020d}.index"


def _key(run_id: str | None) -> bytes:
    return _NO_RUN if run_id is None else run_id.encode()


def _key_at(data: bytes, start: int) -> bytes | None:
    """Find whose line starts here; None where it is no line."""
    at = data.find(_RUN_ID, start, start + _HEAD) + len(_RUN_ID)
    if at < len(_RUN_ID) or not data.startswith(b'{"position":', start):
        return None
    if data[at : at + 1] == b'"':
        return data[at + 1 : data.find(b'"', at + 1)]
    return _NO_RUN


class ActiveIndex:
    """The offsets of each run's lines in one segment, in memory, extended as it grows."""

    def __init__(self, segment: int) -> None:
        """Know nothing of the segment yet."""
        self.segment = segment
        self.offset = 0
        self.offsets: dict[bytes, list[int]] = {}

    def extend(self, fd: int, stop: int, skipped: Sequence[tuple[int, int]] = ()) -> None:
        """Take in the lines up to byte ``stop``, where a line ends, but for skipped bytes."""
        for begin, end in skipped:
            if self.offset <= begin < stop:
                self._take_in(fd, begin)
                self.offset = end
        self._take_in(fd, stop)

    def _take_in(self, fd: int, stop: int) -> None:
        if stop > self.offset:
            data = read_range(fd, self.offset, stop)
            start = 0
            while start < len(data):
                key = _key_at(data, start)
                if key is None:
                    self.offset, self.offsets, start = 0, {}, self.offset + start
                    name = segment_name(self.segment)
                    reason = "the line does not begin as the format says"
                    raise LedgerDamaged(name, 0, start, reason)
                self.offsets.setdefault(key, []).append(self.offset + start)
                start = data.find(b"\n", start) + 1 or len(data)
            self.offset = stop

    def note(self, start: int, runs: Sequence[str | None], lines: Sequence[bytes]) -> None:
        """Take in lines that this process appended, if all before them is known."""
        if start != self.offset:
            return
        for run_id, line in zip(runs, lines, strict=True):
            self.offsets.setdefault(_key(run_id), []).append(start)
            start += len(line)
        self.offset = start


class StaleIndex(Exception):
    """The index file does not belong to its segment, or not whole."""


class SealedIndex:
    """The index file of one sealed segment, mapped into memory."""

    def __init__(self, path: Path, segment: int, size: int) -> None:
        """Open an index that must belong to a segment of ``size`` bytes.

        Raises:
            StaleIndex: it does not, or is not whole.
        """
        self._salt = b"%d " % segment
        fd = open_file(path)
        try:
            length = os.fstat(fd).st_size
            if not length:
                raise StaleIndex
            # Keeps a descriptor of its own until it is closed.
            self._map = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)
        self._begin = self._map.find(b"\n") + 1
        expected = b"runfold-index 1 %d %d %d" % (segment, size, length)
        if self._checked(0, self._begin - 1) != expected:
            raise StaleIndex

    def close(self) -> None:
        """Give back the memory and the descriptor."""
        self._map.close()

    def _checked(self, start: int, stop: int) -> bytes:
        text, _, crc = self._map[start:stop].rpartition(b" ")
        if crc != b"%08x" % zlib.crc32(self._salt + text):
            raise StaleIndex
        return text

    def offsets(self, key: bytes) -> list[int]:
        """Find the offsets of a run's lines by bisection; empty where it has none.

        Raises:
            StaleIndex: a line on the way is damaged.
        """
        low, high = self._begin, len(self._map)
        while low < high:
            middle = (low + high) // 2
            start = max(self._map.rfind(b"\n", low, middle) + 1, low)
            stop = self._map.find(b"\n", middle)
            name, _, numbers = self._checked(start, stop).partition(b" ")
            if name == key:
                return [int(number) for number in numbers.split(b",")]
            if name < key:
                low = stop + 1
            else:
                high = start
        return []


def encode_index(segment: int, size: int, offsets: Mapping[bytes, Sequence[int]]) -> bytes:
    """Write the index of a sealed segment of ``size`` bytes."""
    begun = zlib.crc32(b"%d " % segment)

    def line(text: bytes) -> bytes:
        return b"%b %08x\n" % (text, zlib.crc32(text, begun))

    body = b"".join(
        # All numbers by one call: this is a tenth of what verifying a log takes.
        line(b"%b %b" % (key, (b"%d," * len(offsets[key]) % tuple(offsets[key]))[:-1]))
        for key in sorted(offsets)
    )
    length, header = 0, b""
    while length != len(header) + len(body):
        length = len(header) + len(body)
        header = line(b"runfold-index 1 %d %d %d" % (segment, size, length))
    return header + body


class RunIndex:
    """Finds the lines of a run in all segments of one log."""

    def __init__(
        self,
        folder: LedgerFolder,
        *,
        keep: bool = False,
        skipped: Callable[[int], Sequence[tuple[int, int]]],
    ) -> None:
        """Index the log in ``folder``.

        Args:
            folder: the data folder.
            keep: whether the index of a sealed segment is written to disk.
            skipped: gives what repairs have passed over in a segment, as (start, stop).
        """
        self._keep = keep
        self._skipped = skipped
        self._folder = folder
        self._guard = threading.Lock()
        # The one used last is at the end; a map can be opened again, what was built cannot.
        self._mapped: OrderedDict[int, SealedIndex] = OrderedDict()
        self._built: dict[int, ActiveIndex] = {}
        self.active = ActiveIndex(0)
        forget_in_children(self)

    def forget_in_child(self) -> None:
        """In a forked child: begin anew, as another thread may have been at work here."""
        self._guard = threading.Lock()
        self._built = {}
        self.active = ActiveIndex(0)

    def places(self, run_id: str | None, segment: int, offset: int) -> Iterator[tuple[int, int]]:
        """Yield (segment, offset) of each line of a run, up to a place where a line ends."""
        key = _key(run_id)
        with self._guard:
            for first in self._folder.segments():
                if first < segment:
                    for found in self._in_sealed(first, key):
                        yield first, found
            for found in self._in_active(segment, offset, key):
                if found < offset:
                    yield segment, found

    def take_in(self, segment: int, offset: int) -> None:
        """Index the active segment up to a place where a line ends, before anybody needs it.

        Raises:
            LedgerDamaged: the segment is missing, or a line in it is none.
        """
        with self._guard:
            self._in_active(segment, offset, _NO_RUN)

    def note(
        self, segment: int, offset: int, runs: Sequence[str | None], lines: Sequence[bytes]
    ) -> None:
        """Take in lines that this process appended at a place, one for each of ``runs``."""
        # With the guard: whoever reads may be taking in the same lines.
        with self._guard:
            if self.active.segment == segment:
                self.active.note(offset, runs, lines)

    def _in_active(self, segment: int, offset: int, key: bytes) -> list[int]:
        if self.active.segment != segment:
            self.active = ActiveIndex(segment)
        if self.active.offset < offset:
            self._extend(self.active, offset)
        return self.active.offsets.get(key, [])

    def _extend(self, index: ActiveIndex, offset: int) -> None:
        path = self._folder.segment(index.segment)
        try:
            fd = open_file(path)
        except FileNotFoundError:
            raise LedgerDamaged(path.name, index.segment, 0, "the segment is missing") from None
        try:
            index.extend(fd, offset, self._skipped(index.segment))
        finally:
            os.close(fd)

    def _in_sealed(self, first: int, key: bytes) -> list[int]:
        built = self._built.get(first)
        if built is None:
            mapped = self._map(first)
            try:
                if mapped is not None:
                    return mapped.offsets(key)
            except StaleIndex:
                self._mapped.pop(first).close()
            built = self._built[first] = self._build(first)
        return built.offsets.get(key, [])

    def _map(self, first: int) -> SealedIndex | None:
        """Give the index file of a sealed segment; None where it has to be built."""
        if (mapped := self._mapped.get(first)) is not None:
            self._mapped.move_to_end(first)
            return mapped
        if self._skipped(first):
            # The file may be from before the damage, and fit by its size.
            return None
        if len(self._mapped) >= _most_mapped():
            self._mapped.popitem(last=False)[1].close()
        try:
            size = self._folder.segment(first).stat().st_size
            mapped = SealedIndex(self._folder.index / index_name(first), first, size)
        except (OSError, StaleIndex):
            return None
        self._mapped[first] = mapped
        return mapped

    def seal(self, first: int) -> None:
        """Write the index of a segment that was just sealed, unless it is there."""
        with self._guard:
            if first not in self._built and self._map(first) is None:
                self._built[first] = self._build(first)

    def _build(self, first: int) -> ActiveIndex:
        """Index a sealed segment, and keep that on disk if it is for us to keep."""
        size = self._folder.segment(first).stat().st_size
        # A poisoned segment is cut when it is replaced: what was known behind the cut is elsewhere.
        known = self.active.segment == first and self.active.offset <= size
        index = self.active if known else ActiveIndex(first)
        self._extend(index, size)
        if not self._keep:
            return index
        path = self._folder.index / index_name(first)
        try:
            path.parent.mkdir(exist_ok=True)
            replace_atomically(path, encode_index(first, size, index.offsets))
        except OSError:
            return index
        return index
