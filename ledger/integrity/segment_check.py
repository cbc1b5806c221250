"""Check one segment as fast as it can be: what each core does in ``runfold verify``.

Nothing is made per line that is not needed, and the lines of a piece are checked a column at a
time, by a few calls for all of them. Whatever is not as it must be ends the check of the segment at
once; who asked then looks closer (see ``verify.py``).
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ledger.disk.files import open_file, read_file
from ledger.disk.folder import LedgerFolder
from ledger.evidence.merkle import perfect_root
from ledger.evidence.tree_records import BLOCK_SIZE
from ledger.line.codec import MAX_LINE, Envelope, is_compact
from ledger.line.times import are_times
from ledger.reading.run_index import SealedIndex, StaleIndex, encode_index, index_name
from ledger.reading.sound_reading import pieces_of

__all__ = ["Leaves", "SegmentFacts", "check_segment"]

# What is made of its lines fits the cache of a core: a megabyte takes a fifth longer.
_PIECE = 1 << 15
_CRC_WIDTH = len(b',"crc":"00000000"}')
_HASH_SIZE = hashlib.sha256().digest_size
_HEX_WIDTH = 2 * _HASH_SIZE

_Runs = dict[str | None, "array[int]"]
"""For each run its first sequence and the offsets of its lines; no work for garbage collection."""


class _Envelope(Envelope, frozen=True, gc=False):
    """An envelope that is looked at once and dropped, which the garbage collector need not know."""


class Leaves:
    """The leaf hashes of neighbouring lines, each full block of 256 as the hash of its subtree."""

    def __init__(self, first: int) -> None:
        """Begin with the leaf of the line at position ``first``."""
        self.first = first
        self.head: list[bytes] = []
        self.blocks: list[bytes] = []
        self.open: list[bytes] = []
        self._head_size = -(first - 1) % BLOCK_SIZE

    def extend(self, leaves: list[bytes]) -> None:
        """Add the leaves of the lines that follow."""
        self.open += leaves
        if self._head_size and len(self.open) >= self._head_size:
            self.head, self.open = self.open[: self._head_size], self.open[self._head_size :]
            self._head_size = 0
        if not self._head_size:
            full = len(self.open) - len(self.open) % BLOCK_SIZE
            for begin in range(0, full, BLOCK_SIZE):
                self.blocks.append(perfect_root(self.open[begin : begin + BLOCK_SIZE]))
            self.open = self.open[full:]

    def join(self, other: Leaves) -> None:
        """Add those of a part of the log that follows. Only for the leaves from position 1 on."""
        self.extend(other.head)
        self.blocks += other.blocks
        self.open += other.open


class SegmentFacts(msgspec.Struct):
    """What a sound segment adds to the check of the whole log.

    Attributes:
        first: the position of its first line.
        stop: how many bytes were checked.
        last: that of its last one; ``first - 1`` where it is empty.
        prev: what its first line refers to.
        leaf: the leaf hash of its last line.
        opened_at: ``recorded_at`` of its first line.
        closed_at: that of its last line.
        runs: for each run the sequences of its first and last line here, and the first's offset.
        leaves: of all its lines.
        index: what its index file is: ``missing``, ``fine``, ``stale`` or ``wrong``.
    """

    first: int
    stop: int
    last: int
    prev: str
    leaf: str
    opened_at: str
    closed_at: str
    runs: dict[str, tuple[int, int, int]]
    leaves: Leaves
    index: str = "missing"


class _Flawed(Exception):
    """The segment is not as it must be."""


def check_segment(folder: Path, first: int, stop: int | None) -> SegmentFacts | None:
    """Check a segment up to byte ``stop``; None where anything is wrong with it.

    Args:
        folder: the data folder.
        first: the position in the segment's name.
        stop: where the durable mark is in it; None where it is sealed, and has an index file.
    """
    ledger = LedgerFolder(folder)
    try:
        fd = open_file(ledger.segment(first))
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        if size < (stop or 0):
            return None
        pieces = pieces_of(fd, 0, size if stop is None else stop, _PIECE)
        facts, offsets = _check_lines(pieces, first)
    except (_Flawed, msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        return None
    finally:
        os.close(fd)
    if stop is None:
        facts.index = _compare_index(ledger, first, size, offsets)
    return facts


def _check_lines(pieces: Iterator[bytes], first: int) -> tuple[SegmentFacts, _Runs]:
    """Check every line; give the facts, and for each run its first sequence and the offsets."""
    decode_all = msgspec.json.Decoder(_Envelope).decode_lines
    encode_all = msgspec.json.Encoder().encode_lines
    leaves, order = Leaves(first), _Order(first - 1)
    prev = leaf = ""
    for data, lines in _whole_lines(pieces):
        envelopes = decode_all(data)
        # Written again it is the same: no key stands twice or elsewhere, and no space between.
        if encode_all(envelopes) != data or not all(map(is_compact, _with_space(data, lines))):
            raise _Flawed
        payloads = b"\n".join([b"", *[envelope.data for envelope in envelopes]])
        if payloads.count(b"\n{") < len(lines):
            raise _Flawed
        _check_crcs(envelopes, lines)
        hashes = _hash_leaves(lines)
        # What the first line refers to lies in another segment: who asked compares it.
        prev = prev or envelopes[0].prev
        named = f"{leaf or prev} {b''.join(hashes).hex(' ', _HASH_SIZE)}"
        # As many spaces as there are between two lines: so none is inside of what a line names.
        if " ".join([envelope.prev for envelope in envelopes]) != named[: -_HEX_WIDTH - 1]:
            raise _Flawed
        leaf = named[-_HEX_WIDTH:]
        order.check(envelopes, lines)
        leaves.extend(hashes)
    if order.rest or (leaf and not prev):
        raise _Flawed
    facts = SegmentFacts(
        first=first,
        stop=order.offset,
        last=order.position,
        prev=prev,
        leaf=leaf,
        opened_at=order.opened_at,
        closed_at=order.closed_at,
        runs=_ends_of(order.runs),
        leaves=leaves,
    )
    return facts, order.runs


def _with_space(data: bytes, lines: Sequence[bytes]) -> Sequence[bytes]:
    """Give all lines where there is white space in any of them: most often it is in none."""
    return lines if b" " in data or b"\t" in data or b"\r" in data else ()


def _check_crcs(envelopes: Sequence[Envelope], lines: Sequence[bytes]) -> None:
    """Check the CRC that each line ends in: all of them written out by one call, and compared."""
    crcs = [zlib.crc32(raw[:-_CRC_WIDTH]) for raw in lines]
    digits = struct.pack(f">{len(crcs)}I", *crcs).hex(" ", 4)
    if " ".join([envelope.crc for envelope in envelopes]) != digits:
        raise _Flawed


def _hash_leaves(lines: Sequence[bytes]) -> list[bytes]:
    """Hash each line; to copy a hash that has begun is cheaper than to begin one."""
    begun = hashlib.sha256(b"\x00")
    hashes = []
    for raw in lines:
        leaf = begun.copy()
        leaf.update(raw)
        hashes.append(leaf.digest())
    return hashes


class _Order:
    """What must hold from one line to the next: positions, times, batches, sequences of runs.

    Attributes:
        position: of the last line.
        offset: where it ends.
        rest: how many lines of its batch are still to come.
        opened_at: ``recorded_at`` of the first line.
        closed_at: that of the last one.
        runs: for each run its first sequence and the offsets of its lines.
    """

    def __init__(self, position: int) -> None:
        """Begin after a position."""
        self.position = position
        self.offset = self.rest = 0
        self.opened_at = self.closed_at = ""
        self.runs: _Runs = {}

    def check(self, envelopes: Sequence[Envelope], lines: Sequence[bytes]) -> None:
        """Check the lines that follow, a column at a time."""
        after, self.position = self.position, self.position + len(envelopes)
        if [line.position for line in envelopes] != list(range(after + 1, self.position + 1)):
            raise _Flawed
        times = [line.recorded_at for line in envelopes]
        if times[0] < self.closed_at or times != sorted(times):
            raise _Flawed
        if not are_times(times + [line.occurred_at for line in envelopes]):
            raise _Flawed
        self.opened_at, self.closed_at = self.opened_at or times[0], times[-1]
        rests = [line.rest for line in envelopes]
        if self.rest or any(rests):
            self._check_batches(rests)
        self._check_runs(envelopes, lines)

    def _check_batches(self, rests: Sequence[int]) -> None:
        rest = self.rest
        for left in rests:
            if left != rest - 1 if rest else left < 0:
                raise _Flawed
            rest = left
        self.rest = rest

    def _check_runs(self, envelopes: Sequence[Envelope], lines: Sequence[bytes]) -> None:
        runs, offset = self.runs, self.offset
        current: object = self  # as no run is
        sequence, run = 0, array("Q")
        for envelope, raw in zip(envelopes, lines, strict=True):
            run_id = envelope.run_id
            if run_id != current:
                run = runs.setdefault(run_id, array("Q", [envelope.sequence]))
                current, sequence = run_id, run[0] + len(run) - 2
            sequence = 0 if run_id is None else sequence + 1
            if envelope.sequence != sequence:
                raise _Flawed
            run.append(offset)
            offset += len(raw) + 1
        self.offset = offset


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """Give pieces of whole lines that are text and not too long, and these lines."""
    pending = b""
    for piece in pieces:
        data = pending + piece
        end = data.rfind(b"\n") + 1
        data, pending = data[:end], data[end:]
        lines = data.split(b"\n")
        lines.pop()
        if max(map(len, lines), default=0) >= MAX_LINE or len(pending) > MAX_LINE:
            raise _Flawed
        # One look at many lines is cheaper than one at each.
        if not data.isascii():
            str(data, "utf-8")
        if lines:
            yield data, lines
    if pending:
        raise _Flawed


def _ends_of(runs: _Runs) -> dict[str, tuple[int, int, int]]:
    """Give for each run the sequences of its first and last line, and the first's offset."""
    return {
        run_id: (run[0], run[0] + len(run) - 2, run[1])
        for run_id, run in runs.items()
        if run_id is not None
    }


def _compare_index(folder: LedgerFolder, first: int, size: int, runs: _Runs) -> str:
    """Say what a sealed segment's index file is, against what the segment holds."""
    path = folder.index / index_name(first)
    offsets = {b"-" if run_id is None else run_id.encode(): run[1:] for run_id, run in runs.items()}
    try:
        if read_file(path) == encode_index(first, size, offsets):
            return "fine"
        found = SealedIndex(path, first, size)
        wrong = any(found.offsets(key) != offsets[key] for key in offsets)
    except FileNotFoundError:
        return "missing"
    except (OSError, StaleIndex):
        return "stale"
    return "wrong" if wrong else "stale"
