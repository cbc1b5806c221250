"""Compare what triggers keep, like counts and indexes of words, with what all rows come to."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import msgspec

from projections.checking.json_difference import shown
from projections.checking.model_scan import quoted
from projections.read_model.queries import query

__all__ = ["KeptDifference", "kept_difference", "kept_differences"]

_COLUMNS = "SELECT * FROM {table} LIMIT 0"
_IN_ORDER = "SELECT * FROM {table} ORDER BY {columns}"
_WORDS = "temp.vocabulary"
_OPEN_WORDS = f"CREATE VIRTUAL TABLE {_WORDS} USING fts5vocab (main, {{table}}, instance)"
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

    Of an index of words, what it holds for each row is compared; other virtual tables, and what
    virtual tables keep for themselves, are passed over.
    """
    here, there = (_kept_tables(connection, projection) for connection in (kept, made))
    for table in sorted(here | there):
        if table not in here or table not in there:
            side = "it should not be there" if table in here else "it is missing"
            yield KeptDifference(table, int(table in here), int(table in there), side)
            continue
        with (
            _readable(kept, table, is_words=here[table]) as mine,
            _readable(made, table, is_words=there[table]) as other,
        ):
            difference = _difference(table, mine, other)
        if difference is not None:
            yield difference


def kept_difference(
    kept: sqlite3.Connection, made: sqlite3.Connection, table: str
) -> KeptDifference | None:
    """Give how a table of every model is not what ``made`` has; None where it is."""
    return _difference(table, _rows(kept, quoted(table)), _rows(made, quoted(table)))


def _kept_tables(connection: sqlite3.Connection, projection: str) -> dict[str, bool]:
    """Give the names of the kept tables, and whether each is an index of words."""
    listed = connection.execute(query("kept_tables"), (projection,)).fetchall()
    virtual = [name for name, is_virtual, _ in listed if is_virtual]
    return {
        name: bool(is_words)
        for name, is_virtual, is_words in listed
        if (is_words or not is_virtual) and not any(name.startswith(f"{one}_") for one in virtual)
    }


@contextmanager
def _readable(
    connection: sqlite3.Connection, table: str, *, is_words: bool
) -> Iterator[Iterator[_Key]]:
    """Give the rows of a table in order; of an index of words: each word, and where it stands."""
    if not is_words:
        yield _rows(connection, quoted(table))
        return
    connection.execute(_OPEN_WORDS.format(table=quoted(table)))
    rows = _rows(connection, _WORDS)
    try:
        yield rows
    finally:
        rows.close()
        connection.execute(f"DROP TABLE {_WORDS}")


def _difference(table: str, here: Iterator[_Key], there: Iterator[_Key]) -> KeptDifference | None:
    only_kept = missing = 0
    sample = ""
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


def _rows(connection: sqlite3.Connection, table: str) -> Generator[_Key, None, None]:
    """Give the rows in an order that Python can compare as SQLite does."""
    cursor = connection.execute(_COLUMNS.format(table=table))
    columns = ", ".join(f"{quoted(column[0])} COLLATE BINARY" for column in cursor.description)
    for row in connection.execute(_IN_ORDER.format(table=table, columns=columns)):
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
