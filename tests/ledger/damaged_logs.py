"""Logs of a few segments, and all the ways to damage one that hypothesis combines."""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from ledger import EventLog, RecordedEvent
from ledger.reading.sound_reading import OutOfReach
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.witness import segments_of

__all__ = ["Damage", "DamagedLog", "damages", "forge", "make_log", "positions_in"]

_POSITION = re.compile(rb'\{"position":(\d{1,3}),')
_CRC_WIDTH = len(b',"crc":"00000000"}')


def make_log(folder: Path, runs: int = 8, segment_bytes: int = 4096) -> Path:
    """Record some runs and remarks into segments of a few lines each."""
    with EventLog.open(folder, segment_bytes=segment_bytes) as log:
        for number in range(runs):
            log.append_batch(one_run(f"run-{number}"))
            log.append(acknowledgement(f"note {number}"))
    return folder


def forge(raw: bytes, old: bytes, new: bytes) -> bytes:
    """Change a line, and make its CRC right again."""
    checked = raw[:-_CRC_WIDTH].replace(old, new, 1)
    return checked + b',"crc":"%08x"}' % zlib.crc32(checked)


Damage = tuple[str, int, int]
"""A kind, and two numbers that say where and how."""


@dataclass
class DamagedLog:
    """The lines of a log by segment, while they are being damaged.

    ``touched`` collects the positions that need not be readable any more, ``claimed`` those of
    which there are two, and only a line that refers to one of them can tell which is right.
    """

    path: Path
    segments: dict[str, list[bytes]]
    touched: set[int] = field(default_factory=set)
    claimed: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, path: Path) -> DamagedLog:
        """Take the lines of a whole log, each with its newline."""
        segments = {
            segment.name: segment.read_bytes().splitlines(keepends=True)
            for segment in segments_of(path)
        }
        return cls(path, segments)

    def write_to(self, folder: Path) -> Path:
        """Copy the log with its damage."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.path, folder)
        for name, lines in self.segments.items():
            (folder / "events" / name).write_bytes(b"".join(lines))
        return folder

    def suffer(self, damages: Sequence[Damage]) -> DamagedLog:
        """Take several damages, one after the other."""
        for kind, number, extra in damages:
            KINDS[kind](self, number, extra)
        return self

    def line(self, number: int) -> tuple[list[bytes], int]:
        """Find the n-th line that is still there: its segment's lines and its place there."""
        places = [(lines, at) for lines in self.segments.values() for at in range(len(lines))]
        return places[number % len(places)]


def positions_in(items: Iterable[RecordedEvent | OutOfReach]) -> list[int]:
    """List the positions of what was read over damage, in the order they came."""
    found: list[int] = []
    for item in items:
        if isinstance(item, OutOfReach):
            found += range(item.first, item.last + 1)
        else:
            found.append(item.position)
    return found


def _position_of(raw: bytes) -> int:
    """Read a line's position; 0 where damage took it."""
    found = _POSITION.match(raw)
    return int(found[1]) if found else 0


def _touch(log: DamagedLog, raw: bytes) -> None:
    log.touched.add(_position_of(raw))


def _flip(log: DamagedLog, number: int, extra: int) -> None:
    lines, at = log.line(number)
    raw = bytearray(lines[at])
    _touch(log, lines[at])
    raw[extra % len(raw)] ^= 1 << extra % 8
    lines[at] = bytes(raw)


def _delete(log: DamagedLog, number: int, _extra: int) -> None:
    lines, at = log.line(number)
    _touch(log, lines[at])
    del lines[at]


def _double(log: DamagedLog, number: int, _extra: int) -> None:
    lines, at = log.line(number)
    lines.insert(at, lines[at])


def _swap(log: DamagedLog, number: int, extra: int) -> None:
    """Swap two lines; of what lies between two near ones, not more is in order than they are."""
    (lines, at), (others, to) = log.line(number), log.line(extra)
    places = sorted((_position_of(lines[at]), _position_of(others[to])))
    near = places[1] - places[0] < 5
    log.touched.update(range(places[0], places[1] + 1) if near else places)
    lines[at], others[to] = others[to], lines[at]


def _insert(log: DamagedLog, number: int, _extra: int) -> None:
    """Put in a line that claims the next position and refers to the one before it.

    Not before the last line: of two that claim the last position none can be told to be the right
    one. Not before line 1 either: where the forged one is all that is left, no repair can tell
    whose log this is.
    """
    lines, at = log.line(number)
    if lines[at] == list(log.segments.values())[-1][-1] or _position_of(lines[at]) == 1:
        return
    log.claimed.add(_position_of(lines[at]))
    lines.insert(at, forge(lines[at].rstrip(b"\n"), b'"data":{', b'"data":{"x":1,') + b"\n")


def _garbage(log: DamagedLog, number: int, extra: int) -> None:
    lines, at = log.line(number)
    lines.insert(at, b"\x00" * (extra % 700) + b"garbage\n")


def _drop_block(log: DamagedLog, number: int, extra: int) -> None:
    """Take out bytes as a lost disk block does, from the middle of one line into another."""
    lines, at = log.line(number)
    upto = min(at + 1 + extra % 4, len(lines) - 1)
    for raw in lines[at : upto + 1]:
        _touch(log, raw)
    joined = lines[at][: len(lines[at]) // 2] + lines[upto][len(lines[upto]) // 2 + 1 :]
    lines[at : upto + 1] = [joined]


KINDS: Mapping[str, Callable[[DamagedLog, int, int], None]] = {
    "flip": _flip,
    "delete": _delete,
    "double": _double,
    "swap": _swap,
    "insert": _insert,
    "garbage": _garbage,
    "drop block": _drop_block,
}

damages = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 1000), st.integers(0, 100_000)),
    min_size=1,
    max_size=4,
)
