"""Compare the tables that triggers keep, such as counts, with those made from all rows at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import msgspec

from projections.json_difference import shown
from projections.model_scan import quoted
from projections.queries import query

__all__ = ["KeptDifference", "kept_differences"]

_COLUMNS = "SELECT * FROM {table} LIMIT 0"
_IN_ORDER = "SELECT * FROM {table} ORDER BY {columns}"
_Key = tuple[tuple[int, object], ...]


class KeptDifference(msgspec.Struct, frozen=True):
    """A table that is not what the rows come to.

    Attributes:
        table: its name.
        only_kept: how many rows it has that it should not; one of them in ``sample``.
        missing: how many rows it should have and has not.
        sample: the first of them all, as JSON, shortened.
    """

    table: str
    only_kept: int
    missing: int
    sample: str


def kept_differences(
    kept: sqlite3.Connection, made: sqlite3.Connection, projection: str
) -> Iterator[KeptDifference]:
    """Yield the kept tables of a projection that are not what ``made`` has; they are read in step.

    Virtual tables, and what those keep for themselves, are passed over.
    """
    here, there = (_kept_tables(connection, projection) for connection in (kept, made))
    for table in sorted(here | there):
        if table not in here or table not in there:
            side = "it should not be there" if table in here else "it is missing"
            yield KeptDifference(table, int(table in here), int(table in there), side)
            continue
        difference = _difference(kept, made, table)
        if difference is not None:
            yield difference


def _kept_tables(connection: sqlite3.Connection, projection: str) -> set[str]:
    listed = connection.execute(query("kept_tables"), (projection,)).fetchall()
    virtual = [name for name, is_virtual in listed if is_virtual]
    return {
        name
        for name, is_virtual in listed
        if not is_virtual and not any(name.startswith(f"{one}_") for one in virtual)
    }


def _difference(
    kept: sqlite3.Connection, made: sqlite3.Connection, table: str
) -> KeptDifference | None:
    only_kept = missing = 0
    sample = ""
    here, there = _rows(kept, table), _rows(made, table)
    mine, theirs = next(here, None), next(there, None)
    while mine is not None or theirs is not None:
        if mine == theirs:
            mine, theirs = next(here, None), next(there, None)
            continue
        if theirs is None or (mine is not None and mine < theirs):
            only_kept += 1
            sample = sample or _shown(mine)
            mine = next(here, None)
        else:
            missing += 1
            sample = sample or _shown(theirs)
            theirs = next(there, None)
    return KeptDifference(table, only_kept, missing, sample) if sample else None


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[_Key]:
    """Give the rows in an order that Python can compare as SQLite does."""
    cursor = connection.execute(_COLUMNS.format(table=quoted(table)))
    columns = ", ".join(f"{quoted(column[0])} COLLATE BINARY" for column in cursor.description)
    for row in connection.execute(_IN_ORDER.format(table=quoted(table), columns=columns)):
        yield tuple(map(_comparable, row))


def _comparable(value: object) -> tuple[int, object]:
    """Put a value behind the rank of its kind: nothing, numbers, text, bytes."""
    if value is None:
        return 0, 0
    if isinstance(value, str):
        # SQLite compares the bytes of text; so does Python its code points, to the same effect.
        return 2, value
    return (3, value) if isinstance(value, bytes) else (1, value)


def _shown(row: _Key | None) -> str:
    return shown([value for _, value in row or ()])
