"""Fold events into the states of their runs, and the states into rows.

A run's states are kept in memory while it goes on; those of ended runs are let go, and folded
again from the run's own events if another one comes. So memory is bounded by the runs that are
open at a time, and the model holds no state of a run that has ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from ledger.line.replayed import ReplayedEvent
from projections.engine.shared_folds import SharedFolds
from projections.engine.tallies import Tallies, Tally
from projections.errors import ProjectionFailed
from projections.projection import ENDS, Projection, Row
from projections.read_model.row_store import ParkedEvent, RowStore

__all__ = ["REFUSED", "Folding", "Refold"]

Refold = Callable[[str, int], Iterable[ReplayedEvent]]
"""Gives the events of a run up to a position."""

# Few: the rows of a run are quickly made while its state is still in the cache of a core.
_KEPT = 64
REFUSED = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    LookupError,
    OverflowError,
    # Rows of another shape, and texts that are none.
    TypeError,
    ValueError,
)
"""What is raised where a table does not take a row; the rest is about the model as a whole."""


class _Run:
    """A run that is being folded: its key, a state per fold, and what the model has of it."""

    __slots__ = ("counted", "ended", "has_rows", "has_states", "is_new", "last", "run", "states")

    def __init__(self, run: int, states: list[Any], *, is_new: bool, has_states: bool) -> None:
        self.run = run
        self.states = states
        self.is_new = is_new
        self.has_rows = not is_new
        self.has_states = has_states
        self.ended = False
        self.last = run
        # What the tallies of the model have of it.
        self.counted: list[tuple[int, list[Tally]]] = []


class Folding:
    """Takes events, and writes what they come to."""

    def __init__(
        self,
        projections: Sequence[Projection[Any]],
        store: RowStore,
        refold: Refold,
        *,
        strict: bool = False,
    ) -> None:
        """Fold for all projections at once.

        Args:
            projections: those that the model holds.
            store: where rows and states are read and written.
            refold: gives the events of a run again.
            strict: raise where a projection fails, instead of parking the event.
        """
        self._projections = projections
        self._folds = SharedFolds(projections)
        self._evolves = [(at, fold.evolve) for at, fold in enumerate(self._folds.folds)]
        self._store = store
        self._tallies = Tallies(projections, store.tallies.columns)
        self._refold = refold
        self._strict = strict
        self._runs: dict[str, _Run] = {}
        self._ended: list[str] = []
        self._parked: list[ParkedEvent] = []

    def take(self, events: Iterable[ReplayedEvent]) -> None:
        """Fold events, which follow those that were taken before.

        Raises:
            ProjectionFailed: one failed, and this is strict.
        """
        runs = self._runs
        for event in events:
            run_id = event.run_id
            if run_id is None:
                continue
            found = runs.get(run_id)
            if found is None:
                found = runs[run_id] = self._begin(run_id, event)
            states = found.states
            for at, evolve in self._evolves:
                try:
                    states[at] = evolve(states[at], event)
                except Exception as error:  # noqa: BLE001 - it is parked with what it raised
                    self._park_fold(at, event.position, run_id, event.type, error)
            found.last = event.position
            if event.type in ENDS and not found.ended:
                found.ended = True
                self._ended.append(run_id)
        if len(self._ended) > _KEPT:
            self._write(self._ended)

    def take_whole(
        self,
        runs: Sequence[tuple[str, int]],
        rows: Sequence[Mapping[str, Iterable[Any]]],
        tallies: Sequence[Iterable[Tally]],
    ) -> None:
        """Take runs that were folded elsewhere, from their first event to their end.

        Args:
            runs: their ids and keys.
            rows: for each projection, for each table, the rows of them all.
            tallies: for each projection, what they add.

        Raises:
            sqlite3.IntegrityError: a run is known already.
            REFUSED: a table does not take a row.
        """
        if not self._runs.keys().isdisjoint([run_id for run_id, _ in runs]):
            raise sqlite3.IntegrityError("a run began before, and goes on")
        self._store.add_runs(runs)
        for projection, tables in zip(self._projections, rows, strict=True):
            for table, lines in tables.items():
                self._store.put_rows(projection.name, table, lines)
        self._tallies.add(enumerate(tallies))
        self._tallies.put(self._store.tallies, if_many=True)

    def _begin(self, run_id: str, event: ReplayedEvent) -> _Run:
        """Find how a run stands before an event.

        That a run which begins is unknown is only assumed here: to ask costs more than to be
        refused when it is written.
        """
        run = None if event.sequence == 1 else self._store.find_run(run_id)
        if run is None:
            states = self._folds.initial(run_id)
            return _Run(event.position, states, is_new=True, has_states=False)
        kept = self._store.states_of(run)
        if kept is not None and len(kept) == len(self._folds.folds):
            states = [kept[fold.name] for fold in self._folds.folds]
            known = _Run(run, states, is_new=False, has_states=True)
            known.counted = self._tallies.of(self._folds.for_each(states))
            return known
        again = self._begin_again(run_id, run, event.position - 1)
        again.has_states = kept is not None
        again.ended = kept is None
        if again.ended:
            self._ended.append(run_id)
        return again

    def _begin_again(self, run_id: str, run: int, until: int, new: int | None = None) -> _Run:
        """Fold a run whose states were let go; the model has it up to the event ``new``."""
        states = self._folds.initial(run_id)
        counted = None
        for event in self._refold(run_id, until):
            if event.position == new:
                counted = self._tallies.of(self._folds.for_each(states))
            for at, evolve in self._evolves:
                try:
                    states[at] = evolve(states[at], event)
                except Exception as error:  # noqa: BLE001 - it was parked when it came first
                    self._park_fold(at, event.position, run_id, event.type, error)
        again = _Run(run, states, is_new=False, has_states=False)
        again.last = until
        if counted is None:
            counted = self._tallies.of(self._folds.for_each(states))
        again.counted = counted
        return again

    def _park_fold(self, at: int, position: int, run_id: str, kind: str, error: Exception) -> None:
        """Park an event for all projections that share a fold."""
        for user in self._folds.folds[at].users:
            self._park(user, position, run_id, kind, error)

    def _park(self, at: int, position: int, run_id: str, kind: str, error: Exception) -> None:
        name = self._projections[at].name
        reason = f"{type(error).__name__}: {error}"
        if self._strict:
            raise ProjectionFailed(name, position, reason) from error
        self._parked.append(ParkedEvent(name, position, run_id, kind, reason))

    def write(self) -> None:
        """Write all that was folded: rows, and the states of the runs that go on.

        Raises:
            ProjectionFailed: one failed, and this is strict.
        """
        self._write(list(self._runs))
        self._tallies.put(self._store.tallies)
        self._store.park(self._parked)
        self._parked = []

    def _write(self, run_ids: Sequence[str]) -> None:
        """Write the rows of some runs, and let go of them."""
        self._ended = []
        self._claim([run_id for run_id in run_ids if self._runs[run_id].is_new])
        written = {run_id: self._runs.pop(run_id) for run_id in run_ids}
        for at, projection in enumerate(self._projections):
            self._write_rows(at, projection, written)
        self._count(written)
        self._store.drop_states([run.run for run in written.values() if run.has_states])
        self._store.put_states(self._encoded_states(written))

    def _count(self, written: Mapping[str, _Run]) -> None:
        """Take off the tallies what they had of these runs, and add what they have now."""
        for run_id, run in written.items():
            counts = self._tallies.of(
                self._folds.for_each(run.states), partial(self._park_tallies, run_id, run.last)
            )
            self._tallies.replace(run.counted, counts)
        self._tallies.put(self._store.tallies, if_many=True)

    def _park_tallies(self, run_id: str, position: int, at: int, error: Exception) -> None:
        self._park(at, position, run_id, "rows", error)

    def _encoded_states(self, written: Mapping[str, _Run]) -> list[tuple[int, str, bytes]]:
        """Encode the states of runs that go on; one that cannot be is folded again when needed."""
        encoded = []
        for run_id, run in written.items():
            if run.ended:
                continue
            for at, state in enumerate(run.states):
                try:
                    data = msgspec.msgpack.encode(state)
                except Exception as error:  # noqa: BLE001 - it is parked with what it raised
                    self._park_fold(at, run.last, run_id, "state", error)
                else:
                    encoded.append((run.run, self._folds.folds[at].name, data))
        return encoded

    def _claim(self, new: Sequence[str]) -> None:
        """Give new runs their keys; those that turn out to be known are folded from the log."""
        keys = [(run_id, self._runs[run_id].run) for run_id in new]
        try:
            self._store.add_runs(keys)
        except sqlite3.IntegrityError:
            # Those before the one that was refused are in by now.
            for run_id, run in keys:
                known = self._store.find_run(run_id)
                if known is None:
                    self._store.add_runs([(run_id, run)])
                elif known != run:
                    self._runs[run_id] = self._as_known(run_id, known)
            self._ended = []

    def _as_known(self, run_id: str, run: int) -> _Run:
        """Fold a run from its first event, which an event that says it is the first had hidden."""
        hidden = self._runs[run_id]
        has_states = self._store.states_of(run) is not None
        again = self._begin_again(run_id, run, hidden.last, hidden.run)
        again.has_states = has_states
        again.ended = hidden.ended or not has_states
        return again

    def _write_rows(self, at: int, projection: Projection[Any], written: dict[str, _Run]) -> None:
        rows: dict[str, list[Row]] = {}
        place = self._folds.places[at]
        for run_id, run in written.items():
            try:
                rows[run_id] = list(projection.rows(run.states[place]))
            except Exception as error:  # noqa: BLE001 - it is parked with what it raised
                self._park(at, run.last, run_id, "rows", error)
        known = [written[run_id].run for run_id in rows if written[run_id].has_rows]
        self._store.remove_rows(projection.name, known)
        self._store.take_back(projection.name, rows)
        try:
            self._put(projection.name, [(written[one].run, rows[one]) for one in rows])
        except REFUSED:
            self._store.remove_rows(projection.name, [written[run_id].run for run_id in rows])
            self._put_one_by_one(at, written, rows)

    def _put(self, projection: str, runs: Iterable[tuple[int, list[Row]]]) -> None:
        tables: dict[str, list[tuple[object, ...]]] = {}
        for run, rows in runs:
            for table, values in rows:
                tables.setdefault(table, []).append((run, *values))
        for table, lines in tables.items():
            self._store.put_rows(projection, table, lines)

    def _put_one_by_one(
        self, at: int, written: dict[str, _Run], rows: dict[str, list[Row]]
    ) -> None:
        """Find the runs whose rows the tables refuse, and go on without those rows."""
        name = self._projections[at].name
        for run_id, lines in rows.items():
            run = written[run_id]
            try:
                self._put(name, [(run.run, lines)])
            except REFUSED as error:
                self._store.remove_rows(name, [run.run])
                self._park(at, run.last, run_id, "rows", error)
