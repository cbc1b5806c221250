"""A projection that keeps every law of the contract, and one for each way to break one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from ledger.line.replayed import ReplayedEvent, is_unread
from projections.projection import Row

__all__ = ["BROKEN", "TypeCounts"]

_KNOWN = frozenset({"run_started", "stage_completed", "stage_failed", "run_annotated"})


class CountsState(msgspec.Struct, frozen=True):
    """What was counted of a run."""

    run_id: str
    counts: dict[str, int] = {}
    last: int = 0


class TypeCounts:
    """Counts the events of a run by some of their types. Keeps every law."""

    name = "type_counts"
    version = 1
    state_type: type[Any] = CountsState
    tables = """
        CREATE TABLE type_counts (run INTEGER, type TEXT, count, PRIMARY KEY (run, type));
    """
    indexes = ""

    def initial(self, run_id: str) -> Any:
        """Count nothing."""
        return CountsState(run_id)

    def evolve(self, state: Any, event: ReplayedEvent) -> Any:
        """Count one more event."""
        if event.position <= state.last or event.type not in _KNOWN or is_unread(event):
            return state
        return self.count(state, event)

    def count(self, state: Any, event: ReplayedEvent) -> Any:
        """Count an event that is known, and new."""
        counts = {**state.counts, event.type: state.counts.get(event.type, 0) + 1}
        return replace(state, counts=counts, last=event.position)

    def rows(self, state: Any) -> Iterable[Row]:
        """Give a row a type."""
        return [("type_counts", (kind, count)) for kind, count in state.counts.items()]


class RaisesInEvolve(TypeCounts):
    """Takes it that every stage counts its rows."""

    def count(self, state: Any, event: ReplayedEvent) -> Any:
        """Look at a metric that need not be there."""
        if event.type == "stage_completed":
            event.data.metrics["rows"]
        return super().count(state, event)


class RaisesInRows(TypeCounts):
    """Takes it that every run has a start."""

    def rows(self, state: Any) -> Iterable[Row]:
        """Divide by what may be 0."""
        starts = state.counts.get("run_started", 0)
        return [("type_counts", (kind, count / starts)) for kind, count in state.counts.items()]


class ChangesState(TypeCounts):
    """Counts in the dictionary it was given."""

    def count(self, state: Any, event: ReplayedEvent) -> Any:
        """Change what is not its own."""
        state.counts[event.type] = state.counts.get(event.type, 0) + 1
        return replace(state, last=event.position)


class ChangesEvent(TypeCounts):
    """Takes from the event what it needs."""

    def count(self, state: Any, event: ReplayedEvent) -> Any:
        """Change what others read, too."""
        if event.type == "stage_completed":
            event.data.metrics.pop("rows", None)
        return super().count(state, event)


class RowsChangeState(TypeCounts):
    """Adds up while it is asked."""

    def rows(self, state: Any) -> Iterable[Row]:
        """Keep a sum where it does not belong."""
        given = super().rows(state)
        state.counts["all"] = 1
        return given


class Undecided(TypeCounts):
    """Numbers its steps by itself."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.steps = 0

    def count(self, state: Any, event: ReplayedEvent) -> Any:
        """Put in the state what is no part of the log."""
        self.steps += 1
        return replace(state, counts={"steps": self.steps}, last=event.position)


class KeepsMoments(TypeCounts):
    """Gives SQLite a value that it has no type for."""

    def rows(self, state: Any) -> Iterable[Row]:
        """Give a moment."""
        return [("type_counts", (kind, datetime(2026, 1, 15, tzinfo=UTC))) for kind in state.counts]


class TooManyValues(TypeCounts):
    """Gives a value more than there are columns."""

    def rows(self, state: Any) -> Iterable[Row]:
        """Give a row that does not fit."""
        return [("type_counts", (kind, count, None)) for kind, count in state.counts.items()]


class NoText(TypeCounts):
    """Gives text that no file can hold."""

    def rows(self, state: Any) -> Iterable[Row]:
        """Give half a character."""
        return [("type_counts", (kind + "\ud83d", count)) for kind, count in state.counts.items()]


class AnotherTable(TypeCounts):
    """Gives rows of a table that it does not have."""

    def rows(self, state: Any) -> Iterable[Row]:
        """Give a row of no table."""
        return [("tallies", tuple(state.counts.items()))]


class CannotBeStored(TypeCounts):
    """Counts by complex numbers."""

    def count(self, state: Any, event: ReplayedEvent) -> Any:
        """Keep what cannot be encoded."""
        counted = super().count(state, event)
        return replace(counted, counts={event.type: 1j})


class LooseState(msgspec.Struct, frozen=True):
    """A state that does not say what its parts are."""

    run_id: str
    counts: Any = ()
    last: int = 0


class ReadAgainAsAnother(TypeCounts):
    """Keeps a tuple, and gets a list back."""

    state_type = LooseState

    def initial(self, run_id: str) -> Any:
        """Count nothing."""
        return LooseState(run_id)

    def count(self, state: Any, event: ReplayedEvent) -> Any:
        """Keep all types in order."""
        return replace(state, counts=(*state.counts, event.type), last=event.position)

    def rows(self, state: Any) -> Iterable[Row]:
        """Tell a tuple from a list."""
        return [("type_counts", (str(state.counts), len(state.counts)))]


class CountsTwice(TypeCounts):
    """Does not look whether it has seen an event before."""

    def evolve(self, state: Any, event: ReplayedEvent) -> Any:
        """Count whatever comes."""
        known = event.type in _KNOWN and not is_unread(event)
        return self.count(state, event) if known else state


class CountsAnything(TypeCounts):
    """Counts types that it does not know."""

    def evolve(self, state: Any, event: ReplayedEvent) -> Any:
        """Count whatever is new."""
        return self.count(state, event) if event.position > state.last else state


class CountsAnyVersion(TypeCounts):
    """Counts payloads that it cannot read."""

    def evolve(self, state: Any, event: ReplayedEvent) -> Any:
        """Count whatever has a type that is known."""
        new = event.position > state.last and event.type in _KNOWN
        return self.count(state, event) if new else state


class Rounded(TypeCounts):
    """Has a trigger change its rows, which a rebuild never sees."""

    indexes = """
        CREATE TRIGGER type_counts_rounded AFTER INSERT ON type_counts BEGIN
            UPDATE type_counts SET count = 0 WHERE run = new.run;
        END;
    """


class SumOnce(TypeCounts):
    """Adds up when a model is built, and never again."""

    indexes = "CREATE TABLE type_counts_sum AS SELECT count(*) AS runs FROM type_counts;"


class CountsWrites(TypeCounts):
    """Counts how often rows are written, which hangs on where the batches end."""

    indexes = """
        CREATE TABLE type_counts_writes AS SELECT count(*) AS writes FROM type_counts;
        CREATE TRIGGER type_counts_written AFTER INSERT ON type_counts BEGIN
            UPDATE type_counts_writes SET writes = writes + 1;
        END;
    """


class Remembers(TypeCounts):
    """Keeps what it saw outside of the state."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.seen: dict[str, str] = {}

    def count(self, state: Any, event: ReplayedEvent) -> Any:
        """Remember the pipeline of the run."""
        if event.type == "run_started":
            self.seen[state.run_id] = event.data.pipeline
        return super().count(state, event)

    def rows(self, state: Any) -> Iterable[Row]:
        """Give what only this object knows."""
        return [("type_counts", (self.seen.get(state.run_id, ""), 1))] if state.counts else []


class KnowsItsProcess(TypeCounts):
    """Gives rows that hang on the process it runs in, as the order of a set does."""

    def rows(self, state: Any) -> Iterable[Row]:
        """Give the process with each type."""
        return [("type_counts", (kind, os.getpid())) for kind in state.counts]


BROKEN: Mapping[type[TypeCounts], str] = {
    RaisesInEvolve: "total",
    RaisesInRows: "total",
    ChangesState: "pure",
    ChangesEvent: "pure",
    RowsChangeState: "pure",
    Undecided: "deterministic",
    KeepsMoments: "plain",
    TooManyValues: "plain",
    NoText: "plain",
    AnotherTable: "plain",
    CannotBeStored: "stored",
    ReadAgainAsAnother: "stored",
    CountsTwice: "duplicates",
    CountsAnything: "unknown types",
    CountsAnyVersion: "unknown types",
    Rounded: "whole",
    SumOnce: "rebuilt",
    CountsWrites: "incremental",
    Remembers: "resumed",
    KnowsItsProcess: "another process",
}
"""Each of them, and the law that it breaks."""
