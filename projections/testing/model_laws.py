"""The laws of the model: however a log comes in, the rows are those that its runs come to.

All of it is done by the real projector, on a real SQLite model, of a log that really grows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress

from ledger.line.replayed import ReplayedEvent
from projections.engine.fold_worker import FoldedPart
from projections.engine.parallel_fold import WorkerFailed, folded_parts, place_of
from projections.testing.contract import ContractBroken
from projections.testing.fold_laws import fold_run
from projections.testing.kept_rows import Contents, KeptRows, tally_row
from projections.testing.scratch_log import ScratchLog

__all__ = ["check_another_process", "check_model", "runs_of"]

_BATCHES = (1, 2, 7)
_CHUNK = 9
_MOST_CHECKPOINTS = 60
_LOOKED_AT = 4


def runs_of(events: Sequence[ReplayedEvent]) -> Mapping[str, Sequence[ReplayedEvent]]:
    """Give the events of each run, in order."""
    runs: dict[str, list[ReplayedEvent]] = {}
    for event in events:
        if event.run_id is not None:
            runs.setdefault(event.run_id, []).append(event)
    return runs


def check_model(rows: KeptRows, log: ScratchLog, *, seed: int = 0) -> None:
    """Check that a log comes to the same rows in whatever pieces it is folded.

    Args:
        rows: those of the projection.
        log: which is shown bit by bit.
        seed: of the choice of chunks and checkpoints.

    Raises:
        ContractBroken: a law does not hold.
    """
    if log.events:
        _Models(rows, log, random.Random(seed)).check()  # noqa: S311 - so that a failure comes back


class _Models:
    """The models that one log comes to."""

    def __init__(self, rows: KeptRows, log: ScratchLog, choice: random.Random) -> None:
        self._rows = rows
        self._log = log
        self._choice = choice
        self._count = len(log.events)

    def check(self) -> None:
        whole = self._caught_up()
        self._same("whole", self._expected(whole), whole, "caught up at once")
        self._same("rebuilt", whole, self._log.build(self._count), "built from zero")
        for batch in _BATCHES:
            found = self._caught_up(batch)
            self._same("incremental", whole, found, f"in batches of {batch}")
        self._same("incremental", whole, self._in_chunks(), "in chunks")
        self._check_resumed(whole)

    def _expected(self, whole: Contents) -> Contents:
        """Give what the runs come to by themselves; what triggers keep is taken as it is."""
        return {**whole, **self._rows.as_kept(_rows_of_runs(self._rows, self._log).values())}

    def _caught_up(self, batch: int | None = None) -> Contents:
        self._log.begin()
        self._log.show(self._count)
        with closing(self._log.projector(batch or self._count)) as projector:
            self._log.catch_up(projector)
            return self._log.read(projector)

    def _in_chunks(self) -> Contents:
        """Let the log grow in front of one projector."""
        self._log.begin()
        shown = 1
        with closing(self._log.projector()) as projector:
            while shown < self._count:
                shown = min(shown + self._choice.randint(1, _CHUNK), self._count)
                self._log.show(shown)
                self._log.catch_up(projector)
            return self._log.read(projector)

    def _check_resumed(self, whole: Contents) -> None:
        """Let another projector go on at each checkpoint; look into the model now and then."""
        checkpoints = list(range(2, self._count))
        if len(checkpoints) > _MOST_CHECKPOINTS:
            checkpoints = sorted(self._choice.sample(checkpoints, _MOST_CHECKPOINTS))
        looked_at = self._choice.sample(checkpoints, min(_LOOKED_AT, len(checkpoints)))
        built = {shown: self._log.build(shown) for shown in looked_at}
        self._log.begin()
        for shown in (*checkpoints, self._count):
            self._log.show(shown)
            with closing(self._log.projector()) as projector:
                self._log.catch_up(projector)
            if shown in built:
                found = self._log.read(projector)
                self._same("resumed", built[shown], found, "with another projector", at=shown)
        found = self._log.read(self._log.projector())
        self._same("resumed", whole, found, "with another projector at each checkpoint")

    def _same(
        self, law: str, expected: Contents, found: Contents, how: str, at: int | None = None
    ) -> None:
        difference = self._rows.difference(expected, found)
        if difference is not None:
            position = self._log.positions[at - 1] if at else 0
            name, text = self._rows.projection.name, f"{how}, {difference.text}"
            raise ContractBroken(name, law, self._log.run_at(difference.run), position, text)


def _rows_of_runs(rows: KeptRows, log: ScratchLog) -> dict[int, Contents]:
    """Give the rows of each run, folded by itself, by its key."""
    runs = runs_of(log.events).items()
    return {
        events[0].position: rows.of(fold_run(rows, run, events), events[0].position)
        for run, events in runs
    }


def check_another_process(rows: KeptRows, log: ScratchLog) -> None:
    """Check that the runs which ended come to the same rows in a process that a rebuild starts.

    There, texts have other hashes, so sets have another order. A projection that another process
    cannot make is rebuilt by one process alone, and has nothing to be checked.

    Raises:
        ContractBroken: the law does not hold.
    """
    if place_of(rows.projection) is None:
        return
    log.show(len(log.events))
    expected = _rows_of_runs(rows, log)
    with suppress(WorkerFailed):
        for _, part in folded_parts(log.folder, [rows.projection], 0, len(log.events)):
            here = rows.as_kept(expected[run] for _, run in part.runs)
            found = rows.as_kept([_contents(part)])
            difference = rows.difference(here, found)
            if difference is not None:
                run = log.run_at(difference.run)
                name = rows.projection.name
                raise ContractBroken(name, "another process", run, 0, difference.text)


def _contents(part: FoldedPart) -> Contents:
    """Give the rows of the one projection that a part was folded for, and its tallies."""
    found = {table: [tuple(line) for line in lines] for table, lines in part.rows[0].items()}
    for tally in part.tallies[0]:
        found.setdefault(tally[0], []).append(tally_row(tally))
    return found
