"""A small projection to test the engine with, and a read model in memory to fold into."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from ledger.line.replayed import ReplayedEvent
from projections.engine.folding import Folding
from projections.projection import Projection, Row
from projections.read_model.row_store import RowStore, create_tables
from projections.runs.run_rows import RunRows

__all__ = ["BREAKS_EVOLVE", "BREAKS_ROWS", "ODD_ROWS", "Model", "Tally", "TallyState"]

BREAKS_EVOLVE = "breaks evolve"
BREAKS_ROWS = "breaks rows"
ODD_ROWS: Mapping[str, Any] = {
    "odd: too many values": ("tally_notes", ("too", "many", "values")),
    "odd: no table": ("tally_notes_elsewhere", ("x",)),
    "odd: a table of another": ("runs", ("x",)),
    "odd: no pair": ("tally_notes",),
    "odd: no values": ("tally_notes", 5),
    "odd: a value of no kind": ("tally_notes", ([1],)),
    "odd: a value that workers could not hand on": ("tally_notes", (Decimal(1),)),
    "odd: a number too large": ("tally_notes", (2**63,)),
    "odd: a text that is none": ("tally_notes", ("\ud800",)),
}
"""Notes that the projection makes rows of which no table takes."""


class TallyState(msgspec.Struct, frozen=True):
    """How many events of a run there were, and what was said last."""

    run_id: str = ""
    events: int = 0
    note: str | None = None


class Tally:
    """Counts the events of each run, and fails as it is told."""

    name = "tally"
    version = 1
    state_type = TallyState
    tables = (
        "CREATE TABLE tally (run INTEGER PRIMARY KEY, run_id TEXT, events INTEGER);\n"
        "CREATE TABLE tally_notes (run INTEGER, note TEXT CHECK (note NOT LIKE 'refused%'));\n"
    )
    indexes = ""

    def initial(self, run_id: str) -> TallyState:
        """Begin with nothing."""
        return TallyState(run_id)

    def evolve(self, state: TallyState, event: ReplayedEvent) -> TallyState:
        """Count an event."""
        note = getattr(event.data, "note", None)
        if note == BREAKS_EVOLVE:
            raise ValueError(note)
        return TallyState(state.run_id, state.events + 1, note or state.note)

    def rows(self, state: TallyState) -> Iterable[Row]:
        """Give the count, and what was said."""
        yield "tally", (state.run_id, state.events)
        if state.note == BREAKS_ROWS:
            raise LookupError(state.note)
        if state.note is not None:
            if state.note in ODD_ROWS:
                yield ODD_ROWS[state.note]
            yield "tally_notes", (state.note,)


class Model:
    """A read model in memory, that knows the log it is folded from."""

    def __init__(self, *, strict: bool = False) -> None:
        """Make the tables."""
        self.projections: Sequence[Projection[Any]] = (RunRows(), Tally())
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        create_tables(self.connection, self.projections)
        self.store = RowStore(self.connection, self.projections)
        self.strict = strict
        self.log: list[ReplayedEvent] = []
        self.folded_again: list[str] = []
        self.folding = self.new_folding()

    def new_folding(self) -> Folding:
        """Begin as a process that was just started."""
        return Folding(self.projections, self.store, self._refold, strict=self.strict)

    def _refold(self, run_id: str, until: int) -> list[ReplayedEvent]:
        self.folded_again.append(run_id)
        return [one for one in self.log if one.run_id == run_id and one.position <= until]

    def take(self, events: Iterable[ReplayedEvent], *, anew: bool = False) -> None:
        """Append events to the log, fold them and write."""
        taken = list(events)
        self.log += taken
        if anew:
            self.folding = self.new_folding()
        self.folding.take(taken)
        self.folding.write()

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """Read a table in a fixed order."""
        return sorted(self.connection.execute(f"SELECT * FROM {name}"), key=repr)  # noqa: S608 - ours

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Read all tables that folding writes."""
        names = (
            "run_ids",
            "runs",
            "runs_metadata",
            "tally",
            "tally_notes",
            "open_states",
            "parked",
        )
        return {name: self.table(name) for name in names}
