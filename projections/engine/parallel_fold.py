"""Fold a log in parts, by several processes or in this one, and give them in order."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ledger import LogReader
from projections.engine.fold_worker import FoldedPart, Order, fold_part, read_frame, write_frame
from projections.projection import Projection

__all__ = ["PART", "WorkerFailed", "folded_here", "folded_parts", "place_of", "worth_it"]

PART = 40_000
"""Events a part: large against the runs in it, small against memory."""

PART_HERE = PART // 4
"""Events a part where there is no other process, and so less to gain from a large one."""

_WORTH_IT = 5
_decode = msgspec.msgpack.Decoder(FoldedPart).decode


class WorkerFailed(Exception):
    """A worker could not fold a part; whoever folds it again sees why."""


def worth_it(events: int, projections: Sequence[Projection[Any]], part: int = PART) -> bool:
    """Tell whether a rebuild is long enough, and the machine wide enough, for workers."""
    return _cores() > 1 and events >= _WORTH_IT * part and all(map(place_of, projections))


def _cores() -> int:
    """Count the cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def place_of(projection: Projection[Any]) -> str | None:
    """Say where another process finds a projection; None where it cannot make the same one."""
    kind = type(projection)
    findable = kind.__module__ != "__main__" and "." not in kind.__qualname__
    # One that takes parameters may have been made with others than the worker would give it.
    plain = kind.__init__ is object.__init__
    same = vars(projection) == {} if hasattr(projection, "__dict__") else plain
    return f"{kind.__module__}:{kind.__qualname__}" if findable and same else None


def folded_parts(
    folder: Path, projections: Sequence[Projection[Any]], after: int, last: int, part: int = PART
) -> Iterator[tuple[int, FoldedPart]]:
    """Yield each part's last position and what it came to, in the order of the log.

    Raises:
        WorkerFailed: a part could not be folded; all before it were given.
    """
    parts = [(first, min(first + part, last)) for first in range(after, last, part)]
    workers = min(_cores(), len(parts))
    places = [place_of(projection) or "" for projection in projections]
    with ExitStack() as exits:
        running = [
            exits.enter_context(_worker(Order(str(folder), places, parts[number::workers])))
            for number in range(workers)
        ]
        for number, (_, until) in enumerate(parts):
            try:
                yield until, _decode(read_frame(running[number % workers]))
            except (EOFError, msgspec.DecodeError) as error:
                raise WorkerFailed from error


def folded_here(
    reader: LogReader,
    projections: Sequence[Projection[Any]],
    after: int,
    last: int,
    part: int = PART_HERE,
) -> Iterator[tuple[int, FoldedPart]]:
    """Do what ``folded_parts`` does without any other process.

    Raises:
        WorkerFailed: a part could not be folded; all before it were given.
    """
    for first in range(after, last, part):
        until = min(first + part, last)
        try:
            folded = fold_part(reader, projections, first, until)
        except Exception as error:  # whatever it is, it comes again where it can be named
            raise WorkerFailed from error
        yield until, folded


@contextmanager
def _worker(order: Order) -> Iterator[Any]:
    """Run a worker; it is ended on leaving, whatever it does then."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    # Safe path: a folder or file of the user's with the name of ours is never run by mistake.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "projections.engine.fold_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        if process.stdin is None or process.stdout is None:
            raise WorkerFailed
        try:
            write_frame(process.stdin, order)
            process.stdin.close()
        except BrokenPipeError:
            raise WorkerFailed from None
        yield process.stdout
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
