"""What the projector reads and writes: the tables a projection may make, keys, states, rows."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any

import msgspec
import pytest

from projections.errors import ProjectionInvalid
from projections.read_model.row_store import (
    ParkedEvent,
    RowStore,
    create_tables,
    parked_events,
    projected,
)
from projections.runs.run_rows import RunRows
from tests.projections.tally import Tally, TallyState


class WithTables(Tally):
    """A tally whose tables are any SQL."""

    def __init__(self, tables: str) -> None:
        """Take the SQL."""
        self.tables = tables


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Open an empty database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


@pytest.fixture
def store(connection: sqlite3.Connection) -> RowStore:
    """Make a model of two projections."""
    projections: Any = [RunRows(), Tally()]
    create_tables(connection, projections)
    return RowStore(connection, projections)


def rows_in(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    """Read a table."""
    return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # noqa: S608 - ours


def test_a_model_says_what_it_projects(connection: sqlite3.Connection, store: RowStore) -> None:
    """Each projection with its version, and whose each table is."""
    assert store is not None
    assert projected(connection) == {"runs": RunRows.version, "tally": 1}
    assert rows_in(connection, "projection_tables") == [
        ("runs", "runs"),
        ("runs", "runs_details"),
        ("runs", "runs_metadata"),
        ("runs", "runs_reasons"),
        ("tally", "tally"),
        ("tally", "tally_notes"),
    ]


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ("CREATE TABLE other (run INTEGER);", "its table other is not called tally or tally_…"),
        ("CREATE TABLE tallyho (run INTEGER);", "its table tallyho is not called tally or tally_"),
        ('CREATE TABLE "tally_a b" (run INTEGER);', "its table tally_a b is not called tally or"),
        ("CREATE TABLE tally (id INTEGER, run INTEGER);", "first column of its table tally is not"),
        ("CREATE TABLE tally (run INTEGER", "its tables: a statement has no end"),
        ("CREATE TABEL tally (run INTEGER);", "its tables: near"),
        ("CREATE TABLE runs (run INTEGER);", "its tables: table runs already exists"),
        ("CREATE TABLE checkpoint (run INTEGER);", "its tables: table checkpoint already exists"),
    ],
)
def test_tables_that_a_projection_may_not_make(
    connection: sqlite3.Connection, tables: str, reason: str
) -> None:
    """They are called like it, and begin with the key of the run; the error says which does not."""
    projections: Any = [RunRows(), WithTables(tables)]

    with pytest.raises(ProjectionInvalid) as caught:
        create_tables(connection, projections)

    assert caught.value.name == "tally"
    assert reason in caught.value.reason


def test_a_projection_may_have_no_table(connection: sqlite3.Connection) -> None:
    """It is known all the same."""
    projections: Any = [WithTables("")]
    create_tables(connection, projections)

    assert projected(connection) == {"tally": 1}
    RowStore(connection, projections).remove_rows("tally", [1])


def test_a_run_has_one_key(store: RowStore) -> None:
    """A second one is refused, and those that came before it in the same call are in."""
    store.add_runs([("a", 2), ("b", 3)])

    with pytest.raises(sqlite3.IntegrityError):
        store.add_runs([("c", 9), ("a", 10), ("d", 11)])

    found = [store.find_run(run_id) for run_id in ("a", "b", "c", "d")]
    assert found == [2, 3, 9, None]


def test_states_are_given_back_as_they_were_put(store: RowStore) -> None:
    """By projection; of a run that keeps none there is nothing."""
    runs, tally = RunRows().initial("a"), TallyState("a", 3, "note")
    states = [(2, "runs", runs), (2, "tally", tally), (5, "tally", TallyState("b"))]
    store.put_states((run, name, msgspec.msgpack.encode(state)) for run, name, state in states)

    found = store.states_of(2)

    assert found is not None
    assert found["tally"] == tally
    assert msgspec.msgpack.encode(found["runs"]) == msgspec.msgpack.encode(runs)
    store.drop_states([2, 7])
    assert store.states_of(2) is store.states_of(7) is None
    assert store.states_of(5) == {"tally": TallyState("b")}


def test_a_state_of_other_code_is_an_error(connection: sqlite3.Connection, store: RowStore) -> None:
    """It is told as one that cannot be decoded, upon which a model is built anew."""
    for state in ({"run_id": 5}, {"events": "many"}, [1, 2]):
        connection.execute("DELETE FROM open_states")
        store.put_states([(2, "tally", msgspec.msgpack.encode(state))])
        with pytest.raises(msgspec.DecodeError):
            store.states_of(2)


def test_rows_are_replaced_by_their_run(connection: sqlite3.Connection, store: RowStore) -> None:
    """In all tables of one projection, and in none of another."""
    store.put_rows("tally", "tally", [(2, "a", 1), (3, "b", 1)])
    store.put_rows("tally", "tally_notes", [(2, "x"), (2, "y"), (3, "z")])
    store.put_rows("runs", "runs_metadata", [(2, "key", "value")])

    store.remove_rows("tally", [2, 99])

    assert rows_in(connection, "tally") == [(3, "b", 1)]
    assert rows_in(connection, "tally_notes") == [(3, "z")]
    assert rows_in(connection, "runs_metadata") == [(2, "key", "value")]


@pytest.mark.parametrize("table", ["runs", "checkpoint", "no_such_table"])
def test_a_projection_reaches_no_other_table(store: RowStore, table: str) -> None:
    """Whatever its rows say they are for."""
    with pytest.raises(LookupError, match=table):
        store.put_rows("tally", table, [(2, "a", 1)])


def test_parked_events_are_listed_in_the_order_of_the_log(
    connection: sqlite3.Connection, store: RowStore
) -> None:
    """Each once: what is parked again, as its run was folded again, is known."""
    late = ParkedEvent("tally", 10, "a", "run_ended", "ValueError: no")
    early = ParkedEvent("tally", 9, "b", "run_ended", "ValueError: no")
    store.park([late])
    store.park([early, late])

    assert parked_events(connection) == [early, late]


class Interrupting:
    """Has Ctrl-C pressed, once, while somebody looks at a type that it is part of."""

    def __init__(self) -> None:
        self.is_due = False

    def __hash__(self) -> int:
        if self.is_due:
            self.is_due = False
            signal.raise_signal(signal.SIGINT)
        return 1


INTERRUPTING = Interrupting()


class InterruptingTally(Tally):
    """A projection whose state has such a type."""

    state_type: Any = msgspec.defstruct("State", [("run_id", Annotated[str, INTERRUPTING])])


def test_an_interrupt_is_not_lost_while_types_are_looked_at(connection: sqlite3.Connection) -> None:
    """By itself msgspec forgets what a handler raises meanwhile: a rebuild went on after Ctrl-C."""
    projections: Any = [InterruptingTally()]
    create_tables(connection, projections)
    INTERRUPTING.is_due = True

    with pytest.raises(KeyboardInterrupt):
        RowStore(connection, projections)
    assert not INTERRUPTING.is_due
