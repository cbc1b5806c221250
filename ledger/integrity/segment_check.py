"""Check one segment as fast as it can be: what each core does in ``runfold verify``.

Nothing is made per line that is not needed. Whatever is not as it must be ends the check of the
segment at once; who asked then looks closer (see ``verify.py``).
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ledger.codec import MAX_LINE, Envelope
from ledger.evidence.tree_records import BLOCK_SIZE
from ledger.folder import LedgerFolder
from ledger.run_index import SealedIndex, StaleIndex, encode_index, index_name
from ledger.sound_reading import open_segment, pieces_of

__all__ = ["Leaves", "SegmentFacts", "check_segment"]

# What fits the cache of a core: a megabyte takes half as long again.
_PIECE = 1 << 17
_CRC_WIDTH = len(b',"crc":"00000000"}')


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
                self.blocks.append(_root_of_block(self.open[begin : begin + BLOCK_SIZE]))
            self.open = self.open[full:]

    def join(self, other: Leaves) -> None:
        """Add those of a part of the log that follows. Only for the leaves from position 1 on."""
        self.extend(other.head)
        self.blocks += other.blocks
        self.open += other.open


def _root_of_block(row: list[bytes]) -> bytes:
    """Do what ``merkle.perfect_root`` does, in two thirds of the time."""
    sha256 = hashlib.sha256
    while len(row) > 1:
        pairs = iter(row)
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs)]  # noqa: B905 - a power of two
    return row[0]


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
        fd = open_segment(ledger, first)
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        if size < (stop or 0):
            return None
        pieces = pieces_of(fd, 0, size if stop is None else stop, _PIECE)
        facts, offsets = _check_lines(pieces, first)
    except (_Flawed, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    finally:
        os.close(fd)
    if stop is None:
        facts.index = _compare_index(ledger, first, size, offsets)
    return facts


def _check_lines(
    pieces: Iterator[bytes], first: int
) -> tuple[SegmentFacts, dict[str | None, list[int]]]:
    """Check every line; give the facts, and for each run its first sequence and the offsets."""
    decode = msgspec.json.Decoder(_Envelope).decode
    crc32, sha256 = zlib.crc32, hashlib.sha256
    leaves = Leaves(first)
    crc_at = -_CRC_WIDTH
    runs: dict[str | None, list[int]] = {}
    position, offset, rest, sequence = first - 1, 0, 0, 0
    begin = leaf = clock = opened_at = ""
    current: str | None = ""
    run: list[int] = []
    for lines in _whole_lines(pieces):
        hashes: list[bytes] = []
        for raw in lines:
            if raw[crc_at:] != b',"crc":"%08x"}' % crc32(raw[:crc_at]):
                raise _Flawed
            envelope = decode(raw)
            position += 1
            if envelope.prev != leaf or envelope.position != position:
                if begin or envelope.position != position:
                    raise _Flawed
                begin, opened_at = envelope.prev, envelope.recorded_at
            left, recorded_at, run_id = envelope.rest, envelope.recorded_at, envelope.run_id
            if (left != rest - 1 if rest else left < 0) or recorded_at < clock:
                raise _Flawed
            rest, clock = left, recorded_at
            if run_id != current:
                run = runs.setdefault(run_id, [envelope.sequence])
                current, sequence = run_id, run[0] + len(run) - 2
            sequence = 0 if run_id is None else sequence + 1
            if envelope.sequence != sequence:
                raise _Flawed
            run.append(offset)
            offset += len(raw) + 1
            digest = sha256(b"\x00" + raw).digest()
            leaf = digest.hex()
            hashes.append(digest)
        leaves.extend(hashes)
    if rest:
        raise _Flawed
    facts = SegmentFacts(
        first, offset, position, begin, leaf, opened_at, clock, _ends_of(runs), leaves
    )
    return facts, runs


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Split pieces into lines that are text and not too long."""
    pending = b""
    for piece in pieces:
        data = pending + piece
        whole = data.rfind(b"\n")
        pending = data[whole + 1 :]
        if whole >= 0:
            # One look at a megabyte is cheaper than one at each line.
            str(data[:whole], "utf-8")
            lines = data[:whole].split(b"\n")
            if max(map(len, lines)) >= MAX_LINE:
                raise _Flawed
            yield lines
        if len(pending) > MAX_LINE:
            raise _Flawed
    if pending:
        raise _Flawed


def _ends_of(runs: dict[str | None, list[int]]) -> dict[str, tuple[int, int, int]]:
    """Give for each run the sequences of its first and last line, and the first's offset."""
    return {
        run_id: (run[0], run[0] + len(run) - 2, run[1])
        for run_id, run in runs.items()
        if run_id is not None
    }


def _compare_index(
    folder: LedgerFolder, first: int, size: int, runs: dict[str | None, list[int]]
) -> str:
    """Say what a sealed segment's index file is, against what the segment holds."""
    path = folder.index / index_name(first)
    offsets = {b"-" if run_id is None else run_id.encode(): run[1:] for run_id, run in runs.items()}
    try:
        if path.read_bytes() == encode_index(first, size, offsets):
            return "fine"
        found = SealedIndex(path, first, size)
        wrong = any(found.offsets(key) != offsets[key] for key in offsets)
    except FileNotFoundError:
        return "missing"
    except (OSError, StaleIndex):
        return "stale"
    return "wrong" if wrong else "stale"
