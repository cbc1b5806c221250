"""The rows of tallies in a read model: found by their keys, and added to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from projections.engine.tallies import Key, Number, Sums, encode_counts, merged, only_grows
from projections.errors import ProjectionInvalid
from projections.read_model.queries import query

__all__ = ["COUNTS", "TallyRows", "is_tally_table"]

COUNTS = "counts"
_FIND = "SELECT counts FROM {table} WHERE {key}"
_PUT = "INSERT OR REPLACE INTO {table} VALUES ({places})"
_DELETE = "DELETE FROM {table} WHERE {key}"
_ADD = (
    "INSERT INTO {table} VALUES ({places})"
    " ON CONFLICT DO UPDATE SET counts = merged_counts(counts, excluded.counts)"
)
_DROP_EMPTY = "DELETE FROM {table} WHERE counts = '{{}}'"
_decode = msgspec.json.Decoder(dict[str, Number]).decode


def is_tally_table(connection: sqlite3.Connection, table: str) -> bool:
    """Tell whether a table is one of tallies: all its columns are its key, but for ``counts``."""
    *key, last = connection.execute(query("table_columns"), (table,)).fetchall()
    return last == (COUNTS, 0) and all(place for _, place in key)


class _Statements(NamedTuple):
    find: str
    put: str
    delete: str
    add: str
    drop_empty: str


class TallyRows:
    """The tables of tallies in one model."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read and write through ``connection``, whose transactions are the caller's."""
        self._connection = connection
        self._emptied = False
        connection.create_function("merged_counts", 2, self._merged, deterministic=True)
        self._statements: dict[str, _Statements] = {}
        self.columns: dict[str, dict[str, int]] = {
            name: {} for name, _ in connection.execute(query("projected"))
        }
        for projection, table in connection.execute(query("tally_tables")).fetchall():
            columns = connection.execute(query("table_columns"), (table,)).fetchall()
            key = [name for name, _ in columns if name != COUNTS]
            self.columns[projection][table] = len(key)
            self._statements[table] = _statements(table, key)

    def put_tallies(self, projection: str, sums: Sums) -> None:
        """Add sums to what is there.

        Raises:
            LookupError: the table is not one of the projection's.
            ProjectionInvalid: the table does not take a key that it must take.
        """
        growing: dict[str, list[tuple[Key, Mapping[str, Number]]]] = {}
        for (table, key), counts in sums.items():
            if table not in self.columns[projection]:
                raise LookupError(table)
            if only_grows(counts):
                growing.setdefault(table, []).append((key, counts))
            else:
                with _naming(projection, table, [key]):
                    self._put(self._statements[table], key, counts)
        for table, lines in growing.items():
            self._add(projection, table, lines)

    def _add(
        self, projection: str, table: str, lines: Sequence[tuple[Key, Mapping[str, Number]]]
    ) -> None:
        """Put sums that take nothing off, in one go: almost all there are."""
        keys: list[Key] = []

        def rows() -> Iterator[tuple[str | int, ...]]:
            for key, counts in lines:
                keys[:] = [key]
                yield (*key, encode_counts(counts).decode())

        do = self._statements[table]
        with _naming(projection, table, keys):
            self._connection.executemany(do.add, rows())
        if self._emptied:
            self._emptied = False
            self._connection.execute(do.drop_empty)

    def _merged(self, held: str, more: str) -> str:
        total = merged(_decode(held), _decode(more))
        self._emptied = self._emptied or not total
        return encode_counts(total).decode()

    def _put(self, do: _Statements, key: Key, counts: Mapping[str, Number]) -> None:
        found = self._connection.execute(do.find, key).fetchone()
        total = merged({} if found is None else _decode(found[0]), counts)
        if total:
            self._connection.execute(do.put, (*key, encode_counts(total).decode()))
        elif found is not None:
            self._connection.execute(do.delete, key)


def _statements(table: str, key: list[str]) -> _Statements:
    where = " AND ".join(f'"{name}" = ?' for name in key)
    places = ", ".join("?" * (len(key) + 1))
    return _Statements(
        _FIND.format(table=table, key=where),
        _PUT.format(table=table, places=places),
        _DELETE.format(table=table, key=where),
        _ADD.format(table=table, places=places),
        _DROP_EMPTY.format(table=table),
    )


@contextmanager
def _naming(projection: str, table: str, keys: Sequence[Key]) -> Iterator[None]:
    """Name the last of some keys where the table does not take it."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        reason = f"its table {table} does not take the key {keys[-1]!r}: {error}"
        raise ProjectionInvalid(projection, reason) from error
