"""Read the rows of one projection from a read model, run by run.

Plan. Each table is read once, in the order of ``run``, and all of them in step. So the rows of one
run are held at a time, however many runs there are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec

from projections.read_model.queries import query

__all__ = [
    "RowOfNoRun",
    "ScannedRun",
    "Table",
    "Values",
    "quoted",
    "scan",
    "tables_of",
    "tallies_of",
    "tally_tables",
]

_IN_ORDER = "SELECT * FROM {table} ORDER BY {key}"
_SELECT = "SELECT {columns} FROM {table} ORDER BY run"

Values = tuple[object, ...]
"""The values of a row after ``run``."""


class Table(msgspec.Struct, frozen=True):
    """A table of a projection.

    Attributes:
        name: what it is called.
        columns: their names, after ``run``.
        key: which of them, after ``run``, tell the rows of one run apart; none where nothing does.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()


class ScannedRun(msgspec.Struct, frozen=True):
    """What a model holds of one run: its rows by table, where there are any."""

    run: int
    run_id: str
    tables: Mapping[str, Sequence[Values]]


class RowOfNoRun(sqlite3.DatabaseError):
    """A row whose ``run`` is no position: nothing of ours wrote it."""


def tables_of(connection: sqlite3.Connection, projection: str) -> list[Table]:
    """Describe the tables that hold the rows of a projection, in the order of their names."""
    rows = connection.execute(query("projection_tables")).fetchall()
    return [_table(connection, name) for owner, name in rows if owner == projection]


def _table(connection: sqlite3.Connection, name: str) -> Table:
    columns = connection.execute(query("table_columns"), (name,)).fetchall()
    keys = [(place, column) for column, place in columns[1:] if place]
    return Table(
        name,
        tuple(column for column, _ in columns[1:]),
        tuple(column for _, column in sorted(keys)),
    )


def tally_tables(connection: sqlite3.Connection, projection: str) -> list[str]:
    """Name the tables that hold the tallies of a projection, in order."""
    rows = connection.execute(query("tally_tables")).fetchall()
    return [name for owner, name in rows if owner == projection]


def tallies_of(connection: sqlite3.Connection, projection: str) -> Iterator[tuple[str, Values]]:
    """Yield the rows of the tallies of a projection, and the names of their tables, in order."""
    for name in tally_tables(connection, projection):
        columns = connection.execute(query("table_columns"), (name,)).fetchall()
        key = ", ".join(quoted(column) for column, place in columns if place)
        sql = _IN_ORDER.format(table=quoted(name), key=key)
        for row in connection.execute(sql):
            yield name, row


def scan(connection: sqlite3.Connection, tables: Sequence[Table]) -> Iterator[ScannedRun]:
    """Yield every run that has an id or a row, in the order of ``run``.

    A run without an id has an empty one. The caller holds a transaction, so that all tables are
    read at one moment.

    Raises:
        sqlite3.DatabaseError: the model cannot be read; ``RowOfNoRun`` where a row has no place.
    """
    streams = [_groups(connection, query("runs_in_order"))]
    for table in tables:
        names = ", ".join(map(quoted, ("run", *table.columns)))
        sql = _SELECT.format(columns=names, table=quoted(table.name))
        streams.append(_groups(connection, sql))
    heads = [next(stream, None) for stream in streams]
    while found := [head[0] for head in heads if head is not None]:
        run = min(found)
        rows: list[Sequence[Values]] = []
        for at, head in enumerate(heads):
            if head is not None and head[0] == run:
                rows.append(head[1])
                heads[at] = next(streams[at], None)
            else:
                rows.append(())
        ids = ", ".join(str(run_id) for (run_id,) in rows[0])
        held = zip(tables, rows[1:], strict=True)
        yield ScannedRun(run, ids, {table.name: lines for table, lines in held if lines})


def _groups(connection: sqlite3.Connection, sql: str) -> Iterator[tuple[int, Sequence[Values]]]:
    for run, rows in groupby(connection.execute(sql), key=itemgetter(0)):
        if type(run) is not int:
            raise RowOfNoRun(f"a row has the run {run!r}, which is no position")
        yield run, [row[1:] for row in rows]


def quoted(name: str) -> str:
    """Write a name of a table or column for SQL."""
    return '"{}"'.format(name.replace('"', '""'))
