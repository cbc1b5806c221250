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
from projections.projection import ENDS, Projection, Row
from projections.registry import load_projection
from projections.tallies import Tallies, Tally

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
        tallies: for each projection, what those runs add.
        others: the lines of all other runs, in order.
        last_line: the last line of the part.
    """

    runs: list[tuple[str, int]]
    rows: list[dict[str, list[list[Any]]]]
    tallies: list[list[Tally]]
    others: list[bytes]
    last_line: bytes


class _Whole:
    """A run that began in the part: its states, and its lines in case it does not end in it.

    Its rows are made when it ends, while its states are still in the cache of a core.
    """

    __slots__ = ("ended", "lines", "rows", "run", "states", "tallies")

    def __init__(self, run: int, states: list[Any]) -> None:
        self.run = run
        self.states = states
        self.lines: list[tuple[int, bytes]] = []
        self.ended = False
        self.rows: list[list[Row]] | None = None
        self.tallies: list[tuple[int, list[Tally]]] = []

    def take(
        self,
        event: ReplayedEvent,
        line: bytes,
        projections: Sequence[Projection[Any]],
        tallies: Tallies,
    ) -> None:
        """Fold an event."""
        states = self.states
        for at, projection in enumerate(projections):
            states[at] = projection.evolve(states[at], event)
        if event.type in ENDS:
            self.ended, self.lines = True, []
            self.rows = self._make_rows(projections)
            self.tallies = tallies.of(self.states, _refuse)
        elif self.ended:
            self.rows = None
            self.tallies = tallies.of(self.states, _refuse)
        else:
            self.lines.append((event.position, line))

    def put(
        self,
        projections: Sequence[Projection[Any]],
        tables: Sequence[dict[str, list[list[Any]]]],
    ) -> None:
        """Add its rows to those of each projection's tables."""
        made = self.rows or self._make_rows(projections)
        for rows, put_in in zip(made, tables, strict=True):
            for table, values in rows:
                put_in.setdefault(table, []).append([self.run, *values])

    def _make_rows(self, projections: Sequence[Projection[Any]]) -> list[list[Row]]:
        both = zip(projections, self.states, strict=True)
        return [list(projection.rows(state)) for projection, state in both]


def fold_part(
    reader: LogReader, projections: Sequence[Projection[Any]], after: int, until: int
) -> FoldedPart:
    """Fold the events behind ``after``, up to ``until``.

    Raises whatever goes wrong: the caller then folds the part itself, and sees what it is.
    """
    whole: dict[str, _Whole] = {}
    tallies = Tallies(projections)
    begun_before: set[str] = set()
    others: list[tuple[int, bytes]] = []
    line = b""
    for stretch in replay(reader, after, until):
        for event, line in zip(stretch.events, stretch.lines, strict=True):
            run_id = event.run_id
            run = None if run_id is None else whole.get(run_id)
            if run is None:
                if run_id is None or event.sequence != 1 or run_id in begun_before:
                    begun_before.add(run_id or "")
                    others.append((event.position, line))
                    continue
                states = [projection.initial(run_id) for projection in projections]
                run = whole[run_id] = _Whole(event.position, states)
            run.take(event, line, projections, tallies)
    return _folded(projections, whole, others, line, tallies)


def _folded(
    projections: Sequence[Projection[Any]],
    whole: dict[str, _Whole],
    others: list[tuple[int, bytes]],
    last_line: bytes,
    tallies: Tallies,
) -> FoldedPart:
    rows: list[dict[str, list[list[Any]]]] = [{} for _ in projections]
    runs: list[tuple[str, int]] = []
    for run_id, run in whole.items():
        if run.ended:
            runs.append((run_id, run.run))
            run.put(projections, rows)
            tallies.add(run.tallies)
        else:
            others += run.lines
    others.sort()
    sums: list[list[Tally]] = [
        [(*place, counts) for place, counts in each.items()] for each in tallies.sums
    ]
    return FoldedPart(runs, rows, sums, [line for _, line in others], last_line)


def _refuse(_at: int, error: Exception) -> None:
    raise error


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
