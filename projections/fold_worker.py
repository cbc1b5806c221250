"""A process that folds parts of a log for a rebuild: asked on stdin, answering on stdout.

It folds the runs that begin and end within a part, whole, into rows. The lines of all others it
hands back, for the one that sees the parts in order. A process of its own, not a fork: whoever
rebuilds may have threads, and a main module that must not be run again.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from ledger import LogReader
from ledger.replay import replay
from ledger.replayed import ReplayedEvent
from projections.projection import ENDS, Projection
from projections.registry import load_projection

__all__ = ["FoldedPart", "Order", "fold_part", "read_frame", "write_frame"]

_LENGTH = 8


class Order(msgspec.Struct, frozen=True):
    """What a worker is to do: the parts are given by the position before and the last one."""

    folder: str
    projections: Sequence[str]
    parts: Sequence[tuple[int, int]]


class FoldedPart(msgspec.Struct, frozen=True):
    """What the events of a part came to.

    Attributes:
        runs: the runs that began and ended in it: their ids and keys.
        rows: for each projection, for each table, the rows of those runs.
        others: the lines of all other runs, in order.
        last_line: the last line of the part.
    """

    runs: list[tuple[str, int]]
    rows: list[dict[str, list[list[Any]]]]
    others: list[bytes]
    last_line: bytes


class _Whole:
    """A run that began in the part: its states, and its lines in case it does not end in it."""

    __slots__ = ("ended", "lines", "run", "states")

    def __init__(self, run: int, states: list[Any]) -> None:
        self.run = run
        self.states = states
        self.lines: list[tuple[int, bytes]] = []
        self.ended = False


def fold_part(
    reader: LogReader, projections: Sequence[Projection[Any]], after: int, until: int
) -> FoldedPart:
    """Fold the events behind ``after``, up to ``until``.

    Raises whatever goes wrong: the caller then folds the part itself, and sees what it is.
    """
    evolves = [(at, projection.evolve) for at, projection in enumerate(projections)]
    whole: dict[str, _Whole] = {}
    begun_before: set[str] = set()
    others: list[tuple[int, bytes]] = []
    line = b""
    for stretch in replay(reader, after, until):
        for event, line in zip(stretch.events, stretch.lines, strict=True):
            run_id = event.run_id
            if run_id is None:
                others.append((event.position, line))
                continue
            run = whole.get(run_id)
            if run is None:
                if event.sequence != 1 or run_id in begun_before:
                    begun_before.add(run_id)
                    others.append((event.position, line))
                    continue
                states = [projection.initial(run_id) for projection in projections]
                run = whole[run_id] = _Whole(event.position, states)
            _fold_into(run, event, line, evolves)
    return _folded(projections, whole, others, line)


def _fold_into(
    run: _Whole, event: ReplayedEvent, line: bytes, evolves: Sequence[tuple[int, Any]]
) -> None:
    states = run.states
    for at, evolve in evolves:
        states[at] = evolve(states[at], event)
    if event.type in ENDS:
        run.ended = True
        run.lines = []
    elif not run.ended:
        run.lines.append((event.position, line))


def _folded(
    projections: Sequence[Projection[Any]],
    whole: dict[str, _Whole],
    others: list[tuple[int, bytes]],
    last_line: bytes,
) -> FoldedPart:
    rows: list[dict[str, list[list[Any]]]] = [{} for _ in projections]
    runs: list[tuple[str, int]] = []
    for run_id, run in whole.items():
        if not run.ended:
            others += run.lines
            continue
        runs.append((run_id, run.run))
        for projection, state, tables in zip(projections, run.states, rows, strict=True):
            for table, values in projection.rows(state):
                tables.setdefault(table, []).append([run.run, *values])
    others.sort()
    return FoldedPart(runs, rows, [line for _, line in others], last_line)


def write_frame(stream: IO[bytes], value: object) -> None:
    """Write a value with its length before it."""
    data = msgspec.msgpack.encode(value)
    stream.write(len(data).to_bytes(_LENGTH, "big"))
    stream.write(data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes:
    """Read what ``write_frame`` wrote, still encoded.

    Raises:
        EOFError: whoever wrote is gone.
    """
    length = int.from_bytes(stream.read(_LENGTH), "big")
    data = stream.read(length)
    if not length or len(data) < length:
        raise EOFError
    return data


def main() -> None:
    """Do what the order on stdin says, and end when nobody reads the answers any more."""
    order = msgspec.msgpack.decode(read_frame(sys.stdin.buffer), type=Order)
    projections = [load_projection(place) for place in order.projections]
    reader = LogReader(Path(order.folder))
    # What a part makes is let go with it, and holds no cycles.
    gc.disable()
    for after, until in order.parts:
        write_frame(sys.stdout.buffer, fold_part(reader, projections, after, until))


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        # The one who asked is gone: there is nobody left to tell.
        sys.stderr.close()
