"""What the projector reads from a read model and writes to it, in the caller's transaction."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ledger.recording.termination import stops_wait
from projections.engine.tally_rows import TallyRows, is_tally_table
from projections.errors import ProjectionInvalid
from projections.projection import Projection
from projections.read_model.queries import query, sql_file, statements

__all__ = [
    "ParkedEvent",
    "RowStore",
    "create_indexes",
    "create_tables",
    "parked_events",
    "projected",
]

_INSERT = "INSERT INTO {table} VALUES ({places})"
_PRIMARY_CODE = 0xFF
_OF_THE_SQL = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH)
_DELETE = "DELETE FROM {table} WHERE run = ?"


class ParkedEvent(msgspec.Struct, frozen=True):
    """An event that a projection could not take."""

    projection: str
    position: int
    run_id: str
    type: str
    error: str


def projected(connection: sqlite3.Connection) -> dict[str, int]:
    """Tell what a model projects: the names and their versions."""
    return dict(connection.execute(query("projected")))


def parked_events(connection: sqlite3.Connection) -> list[ParkedEvent]:
    """List what the projections of a model could not take, in the order of the log."""
    return [ParkedEvent(*row) for row in connection.execute(query("parked"))]


def create_tables(connection: sqlite3.Connection, projections: Sequence[Projection[Any]]) -> None:
    """Make the tables of an empty model.

    Raises:
        ProjectionInvalid: the SQL of a projection does not make the tables it may.
    """
    for statement in statements(sql_file("read_model/model.sql")):
        connection.execute(statement)
    known = _tables(connection)
    for projection in projections:
        _execute(connection, projection.name, "tables", projection.tables)
        made = _tables(connection) - known
        known |= made
        tallies = {table for table in made if is_tally_table(connection, table)}
        _check_tables(connection, projection.name, sorted(made - tallies))
        _check_names(projection.name, tallies)
        connection.execute(query("put_projection"), (projection.name, projection.version))
        for table in sorted(made):
            put = "put_tally_table" if table in tallies else "put_projection_table"
            connection.execute(query(put), (projection.name, table))


def create_indexes(connection: sqlite3.Connection, projections: Sequence[Projection[Any]]) -> None:
    """Make what a model needs when all rows of a rebuild are in.

    Raises:
        ProjectionInvalid: the SQL of a projection cannot be run, or makes tables it may not.
    """
    known = _tables(connection)
    for projection in projections:
        _execute(connection, projection.name, "indexes", projection.indexes)
        made = _tables(connection) - known
        known |= made
        _check_names(projection.name, made)


def _execute(connection: sqlite3.Connection, name: str, what: str, sql: str) -> None:
    try:
        for statement in statements(sql):
            connection.execute(statement)
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        # The rest is about the file and the disk, and no fault of the projection.
        if code & _PRIMARY_CODE not in _OF_THE_SQL:
            raise
        raise ProjectionInvalid(name, f"its {what}: {error}") from error


def _tables(connection: sqlite3.Connection) -> set[str]:
    names = {name for (name,) in connection.execute(query("tables"))}
    return {name for name in names if not name.startswith("sqlite_")}


def _check_names(name: str, tables: Iterable[str]) -> None:
    for table in tables:
        if not re.fullmatch(rf"{name}(_\w+)?", table):
            raise ProjectionInvalid(name, f"its table {table} is not called {name} or {name}_…")


def _check_tables(connection: sqlite3.Connection, name: str, tables: Sequence[str]) -> None:
    _check_names(name, tables)
    for table in tables:
        first = connection.execute(query("first_column"), (table,)).fetchone()
        if first is None or first[0] != "run":
            reason = f"the first column of its table {table} is not run, nor the last one counts"
            raise ProjectionInvalid(name, reason)


class RowStore:
    """The rows and states of one model, for the projections it holds."""

    def __init__(
        self, connection: sqlite3.Connection, projections: Sequence[Projection[Any]]
    ) -> None:
        """Read and write through ``connection``, whose transactions are the caller's."""
        self._connection = connection
        # While msgspec looks at a type, it forgets what a signal raises.
        with stops_wait():
            self._decoders = {
                projection.name: msgspec.msgpack.Decoder(projection.state_type)
                for projection in projections
            }
        self.tallies = TallyRows(connection)
        self._tables: dict[str, list[str]] = {projection.name: [] for projection in projections}
        self._inserts: dict[str, str] = {}
        for name, table in connection.execute(query("projection_tables")).fetchall():
            self._tables.setdefault(name, []).append(table)
            (columns,) = connection.execute(query("column_count"), (table,)).fetchone()
            places = ", ".join("?" * columns)
            self._inserts[table] = _INSERT.format(table=table, places=places)

    def find_run(self, run_id: str) -> int | None:
        """Give the key of a run that has rows."""
        row = self._connection.execute(query("find_run"), (run_id,)).fetchone()
        return None if row is None else row[0]

    def add_runs(self, runs: Sequence[tuple[str, int]]) -> None:
        """Give runs their keys.

        Raises:
            sqlite3.IntegrityError: one has a key already.
        """
        self._connection.executemany(query("add_run"), runs)

    def states_of(self, run: int) -> Mapping[str, Any] | None:
        """Give the states of a run that goes on, by projection; None where none is kept.

        Raises:
            msgspec.DecodeError: a state is not what this version stores.
        """
        rows = self._connection.execute(query("read_states"), (run,)).fetchall()
        return {name: self._decoders[name].decode(state) for name, state in rows} or None

    def put_states(self, rows: Iterable[tuple[int, str, bytes]]) -> None:
        """Keep the encoded states of runs that go on: key, projection, state."""
        self._connection.executemany(query("put_state"), rows)

    def drop_states(self, runs: Iterable[int]) -> None:
        """Forget the states of runs that have ended."""
        self._connection.executemany(query("drop_states"), ((run,) for run in runs))

    def remove_rows(self, projection: str, runs: Iterable[int]) -> None:
        """Take away the rows of runs, before they are put anew."""
        keys = [(run,) for run in runs]
        for table in self._tables[projection]:
            self._connection.executemany(_DELETE.format(table=table), keys)

    def put_rows(self, projection: str, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Put rows, which begin with the key of their run.

        Raises:
            LookupError: the table is not one of the projection's.
            sqlite3.Error: the table does not take one.
        """
        if table not in self._tables[projection]:
            raise LookupError(table)
        try:
            self._connection.executemany(self._inserts[table], rows)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_ERROR:
                raise
            # An index or a trigger of the projection's own cannot be computed for a row.
            raise sqlite3.DataError(str(error)) from error

    def take_back(self, projection: str, run_ids: Iterable[str]) -> None:
        """Forget that rows of these runs could not be made or kept: they are made anew."""
        if self._connection.execute(query("any_parked"), (projection,)).fetchone():
            values = ((projection, run_id) for run_id in run_ids)
            self._connection.executemany(query("take_back"), values)

    def park(self, parked: Iterable[ParkedEvent]) -> None:
        """Note events that a projection could not take."""
        rows = (msgspec.structs.astuple(event) for event in parked)
        self._connection.executemany(query("park"), rows)
