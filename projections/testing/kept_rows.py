"""Rows in one order, read from a state or from a model, and what differs between two sets of them.

Two rows are equal when they look the same: 1 is not 1.0, as SQLite may keep them apart.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from copy import deepcopy
from typing import Any, NamedTuple

from projections.engine.tallies import Tallies, Tally, encode_counts
from projections.projection import Projection, check_projections
from projections.read_model.queries import sql_file, statements
from projections.read_model.row_store import RowStore, create_indexes, create_tables

__all__ = ["Contents", "Difference", "KeptRows", "tally_row"]

Contents = Mapping[str, Sequence[tuple[Any, ...]]]
"""The rows of each table, in order."""

_TABLES = "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"
_COLUMNS = "SELECT name FROM pragma_table_info(?) ORDER BY cid"
_ROWS = 'SELECT * FROM "{table}"'
_SHOWN = 60
_BIGGEST = 2**63
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Difference(NamedTuple):
    """By what two sets of rows differ, and the key of the first run in which they do.

    A tally belongs to no run.
    """

    text: str
    run: object


class KeptRows:
    """The rows of one projection: how they are read, checked and compared."""

    def __init__(self, projection: Projection[Any], moving: Collection[str] = ()) -> None:
        """Know the tables of ``projection``.

        Args:
            projection: whose rows they are.
            moving: columns that say where a run stands, as ``table.column``, or
                ``table.column.key`` for a key of a JSON object in it.

        Raises:
            ProjectionInvalid: its name or its tables are not right.
            ValueError: there is no such column to be moving.
        """
        check_projections([projection])
        self.projection = projection
        self._untouched = deepcopy(projection)
        with closing(_empty_model(projection)) as connection:
            self._columns = _columns(connection)
            columns = RowStore(connection, [projection]).tallies.columns
            self._tally_tables = frozenset(columns[projection.name])
            self._tallies = Tallies([projection], columns)
            create_indexes(connection, [projection])
            # Those that its triggers keep, too.
            self._all_columns = _columns(connection)
        self._moving: dict[str, dict[int, set[str]]] = {}
        for place in moving:
            self._move(place)

    def _move(self, place: str) -> None:
        table, _, column = place.partition(".")
        column, _, key = column.partition(".")
        if column not in self._columns.get(table, ()):
            message = f"{place} names no column of {self.projection.name}"
            raise ValueError(message)
        at = self._columns[table].index(column)
        self._moving.setdefault(table, {}).setdefault(at, set()).add(key)

    def another(self) -> Projection[Any]:
        """Give the projection as another process would have it, where it was not used before."""
        return deepcopy(self._untouched)

    def of(self, state: object, run: int = 0) -> Contents:
        """Give the rows of a state in order, as those of a run with this key; and what it adds."""
        found: dict[str, list[tuple[Any, ...]]] = {table: [] for table in self._columns}
        for table, values in self.projection.rows(state):
            found.setdefault(table, []).append((run, *values))
        for _, tallies in self._tallies.of([state], _raised):
            for tally in tallies:
                found[tally[0]].append(tally_row(tally))
        return {table: sorted(lines, key=repr) for table, lines in found.items()}

    def misfit(self, rows: Contents) -> str | None:
        """Say what does not fit the tables, or is no value that SQLite keeps; None if all does."""
        for table, lines in rows.items():
            columns = self._columns.get(table)
            if columns is None:
                return f"there is no table {table}"
            for line in lines:
                if len(line) != len(columns):
                    wanted = f"{len(columns) - 1} after run"
                    return f"a row of {table} has {len(line) - 1} values; its columns are {wanted}"
                for column, value in zip(columns, line, strict=True):
                    if not _is_plain(value):
                        return f"{table}.{column} is {value!r}, a {type(value).__name__}"
        return None

    def settled(self, rows: Contents) -> Contents:
        """Leave out what may move with any event."""
        return {
            table: sorted((self._settled(table, line) for line in lines), key=repr)
            for table, lines in rows.items()
        }

    def _settled(self, table: str, line: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(line)
        for at, keys in self._moving.get(table, {}).items():
            values[at] = _without(values[at], keys)
        return tuple(values)

    def as_kept(self, given: Iterable[Contents]) -> Contents:
        """Give rows as a model keeps them."""
        with closing(_empty_model(self.projection)) as connection:
            store = RowStore(connection, [self.projection])
            tallies = Tallies([self.projection])
            for rows in given:
                for table, lines in rows.items():
                    if table in self._tally_tables:
                        tallies.add([(0, [_tally(table, line) for line in lines])])
                    else:
                        store.put_rows(self.projection.name, table, lines)
            tallies.put(store.tallies)
            return {table: _lines(connection, table) for table in self._columns}

    def kept_in(self, connection: sqlite3.Connection) -> Contents:
        """Read the rows of a model, and those that triggers keep of them."""
        return {table: _lines(connection, table) for table in self._all_columns}

    def difference(self, expected: Contents, found: Contents) -> Difference | None:
        """Say by what two sets of rows differ; None if they do not."""
        for table in expected:
            missing, extra = _apart(expected[table], found.get(table, ()))
            if not missing and not extra:
                continue
            first = (missing or extra)[0]
            if missing and extra:
                text = self._changed(table, first, extra[0])
            elif missing:
                text = f"the row {_short(first)} of {table} is missing"
            else:
                text = f"the row {_short(first)} of {table} should not be there"
            return Difference(text, None if table in self._tally_tables else first[0])
        return None

    def _changed(self, table: str, before: Sequence[Any], after: Sequence[Any]) -> str:
        names = self._all_columns[table]
        changes = [
            f"{table}.{name} is {_window(new, old)} and not {_window(old, new)}"
            for name, old, new in zip(names, before, after, strict=False)
            if repr(old) != repr(new)
        ]
        return ", ".join(changes) or f"a row of {table} has {len(after)} values, not {len(before)}"


def tally_row(tally: Tally) -> tuple[Any, ...]:
    """Give what a run adds to a tally as the row that it alone comes to."""
    _, key, counts = tally
    return (*key, encode_counts(counts).decode())


def _tally(table: str, line: tuple[Any, ...]) -> Tally:
    return table, line[:-1], json.loads(line[-1])


def _raised(_at: int, error: Exception) -> None:
    raise error


def _empty_model(projection: Projection[Any]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    create_tables(connection, [projection])
    return connection


def _columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Give the columns of a projection's ordinary tables."""
    with closing(sqlite3.connect(":memory:")) as bare:
        for statement in statements(sql_file("read_model/model.sql")):
            bare.execute(statement)
        engines = set(bare.execute(_TABLES).fetchall())
    own = sorted(set(connection.execute(_TABLES).fetchall()) - engines)
    return {table: [name for (name,) in connection.execute(_COLUMNS, (table,))] for (table,) in own}


def _lines(connection: sqlite3.Connection, table: str) -> Sequence[tuple[Any, ...]]:
    return sorted(connection.execute(_ROWS.format(table=table)).fetchall(), key=repr)


def _is_plain(value: object) -> bool:
    if isinstance(value, int):
        return -_BIGGEST <= value < _BIGGEST
    if isinstance(value, str):
        return _LONE_SURROGATE.search(value) is None
    return value is None or isinstance(value, float | bytes)


def _without(value: object, keys: Collection[str]) -> object:
    """Leave out a whole value, or keys of the JSON object that it is."""
    if "" in keys or not isinstance(value, str | bytes):
        return None
    with suppress(ValueError):
        read = json.loads(value)
        if isinstance(read, dict):
            return json.dumps({key: read[key] for key in read if key not in keys})
    return value


def _apart(
    expected: Sequence[tuple[Any, ...]], found: Sequence[tuple[Any, ...]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Give the rows that only one side has, in order."""
    there, here = Counter(map(repr, found)), Counter(map(repr, expected))
    missing, extra = here - there, there - here
    return (
        [line for line in expected if repr(line) in missing],
        [line for line in found if repr(line) in extra],
    )


def _window(value: object, other: object) -> str:
    """Show a value; of a long one, the place where it begins to differ."""
    text, against = repr(value), repr(other)
    if len(text) <= _SHOWN:
        return text
    pairs = enumerate(zip(text, against, strict=False))
    at = next((at for at, (one, two) in pairs if one != two), min(len(text), len(against)))
    begin = max(0, at - _SHOWN // 3)
    return f"…{text[begin : begin + _SHOWN]}…"


def _short(line: Sequence[Any]) -> str:
    text = repr(tuple(line))
    return text if len(text) <= 2 * _SHOWN else f"{text[: 2 * _SHOWN]}…"
