"""A process that folds parts of a log for a rebuild: asked on stdin, answering on stdout.

It folds the runs that begin and end within a part, whole, into rows. The lines of all others it
hands back, for the one that sees the parts in order. A process of its own, not a fork: whoever
rebuilds may have threads, and a main module that must not be run again.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import IO, Any

import msgspec

from ledger import LogReader
from ledger.line.replayed import ReplayedEvent
from ledger.reading.replay import replay
from projections.engine.shared_folds import SharedFolds
from projections.engine.tallies import Tallies, Tally
from projections.projection import ENDS, Projection
from projections.registry import load_projection

__all__ = ["FoldedPart", "Order", "fold_part", "read_frame", "write_frame"]

_LENGTH = 8
_PLAIN = frozenset({NoneType, bool, int, float, str, bytes})


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
        others: the lines of all other runs, in any order.
        last_line: the last line of the part.
    """

    runs: list[tuple[str, int]]
    rows: list[dict[str, list[Sequence[Any]]]]
    tallies: list[list[Tally]]
    others: list[bytes]
    last_line: bytes


class _Whole:
    """A run that began in the part: its states, and its lines in case it does not end in it.

    ``counted`` has the states of which the tallies were made: those at its end.
    """

    __slots__ = ("counted", "ended", "lines", "run", "states")

    def __init__(self, run: int, states: list[Any]) -> None:
        self.run = run
        self.states = states
        self.lines: list[bytes] = []
        self.ended = False
        self.counted: Sequence[Any] = ()


class _Part:
    """What is known of a part while it is folded."""

    def __init__(self, projections: Sequence[Projection[Any]]) -> None:
        self._folds = SharedFolds(projections)
        self._evolves = [(at, fold.evolve) for at, fold in enumerate(self._folds.folds)]
        self._tables: list[dict[str, list[Sequence[Any]]]] = [{} for _ in projections]
        makers = [projection.rows for projection in projections]
        self._rows = list(zip(makers, self._folds.places, self._tables, strict=True))
        self._tallies = Tallies(projections)
        self._whole: dict[str, _Whole] = {}
        self._begun_before: set[str] = set()
        self._others: list[bytes] = []
        self._changed: dict[int, _Whole] = {}

    def take(self, events: Sequence[ReplayedEvent], lines: Sequence[bytes]) -> None:
        """Fold events, and keep the lines of those whose run may not be whole."""
        whole, evolves = self._whole, self._evolves
        for event, line in zip(events, lines, strict=True):
            run_id = event.run_id
            run = None if run_id is None else whole.get(run_id)
            if run is None:
                if run_id is None or event.sequence != 1 or run_id in self._begun_before:
                    self._begun_before.add(run_id or "")
                    self._others.append(line)
                    continue
                run = whole[run_id] = _Whole(event.position, self._folds.initial(run_id))
            states = run.states
            for at, evolve in evolves:
                states[at] = evolve(states[at], event)
            if run.ended:
                self._changed[run.run] = run
            elif event.type in ENDS:
                run.ended, run.lines = True, []
                # Now, while its states are still in the cache of a core.
                self._put_rows(run)
                run.counted = tuple(states)
                self._tallies.count(self._folds.for_each(states))
            else:
                run.lines.append(line)

    def _put_rows(self, run: _Whole) -> None:
        key, states = run.run, run.states
        for rows, place, tables in self._rows:
            for table, values in rows(states[place]):
                lines = tables.get(table)
                if lines is None:
                    lines = tables[table] = []
                lines.append((key, *values))

    def folded(self, last_line: bytes) -> FoldedPart:
        """Give what all events came to."""
        if self._changed:
            self._put_changed()
        ended = [(run_id, run.run) for run_id, run in self._whole.items() if run.ended]
        going_on = [run.lines for run in self._whole.values() if not run.ended]
        others = list(chain(self._others, *going_on))
        sums: list[list[Tally]] = [
            [(*place, counts) for place, counts in each.items()] for each in self._tallies.sums
        ]
        return FoldedPart(ended, self._tables, sums, others, last_line)

    def _put_changed(self) -> None:
        """Make the rows anew of runs that went on after their end."""
        for tables in self._tables:
            for lines in tables.values():
                lines[:] = [line for line in lines if line[0] not in self._changed]
        for run in self._changed.values():
            self._put_rows(run)
            self._tallies.add(self._counted(run.counted), -1)
            self._tallies.add(self._counted(run.states))

    def _counted(self, states: Sequence[Any]) -> list[tuple[int, list[Tally]]]:
        return self._tallies.of(self._folds.for_each(states), _refuse)


def _refuse(_at: int, error: Exception) -> None:
    raise error


def fold_part(
    reader: LogReader, projections: Sequence[Projection[Any]], after: int, until: int
) -> FoldedPart:
    """Fold the events behind ``after``, up to ``until``.

    Raises whatever goes wrong: the caller then folds the part itself, and sees what it is.
    """
    part, line = _Part(projections), b""
    for stretch in replay(reader, after, until):
        part.take(stretch.events, stretch.lines)
        line = stretch.lines[-1]
    return part.folded(line)


def _check_plain(part: FoldedPart) -> None:
    """Refuse values that would come out of a frame as others than a table would take or refuse."""
    for lines in chain.from_iterable(tables.values() for tables in part.rows):
        odd = set(map(type, chain.from_iterable(lines))) - _PLAIN
        if odd:
            message = f"a row holds a {min(kind.__name__ for kind in odd)}"
            raise TypeError(message)


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
        part = fold_part(reader, projections, after, until)
        _check_plain(part)
        write_frame(sys.stdout.buffer, part)


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        # The one who asked is gone: there is nobody left to tell.
        sys.stderr.close()
