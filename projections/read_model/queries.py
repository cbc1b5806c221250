"""The SQL, which lies in ``.sql`` files: one named statement each, loaded once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from sqlite3 import complete_statement

__all__ = ["parse_queries", "query", "sql_file", "statements"]

_HEADER = re.compile(r"^-- (\w+) --$", re.MULTILINE)


def parse_queries(text: str) -> Mapping[str, str]:
    """Split a file of statements under ``-- name --`` headers.

    Raises:
        ValueError: a name stands twice.
    """
    parts = _HEADER.split(text)
    names = parts[1::2]
    if len(set(names)) < len(names):
        message = f"a query stands twice among {names}"
        raise ValueError(message)
    return dict(zip(names, (body.strip() for body in parts[2::2]), strict=True))


@cache
def _queries() -> Mapping[str, str]:
    return parse_queries(sql_file("read_model/queries.sql"))


def query(name: str) -> str:
    """Give the statement of this name from ``queries.sql``."""
    return _queries()[name]


@cache
def sql_file(name: str) -> str:
    """Give a file of statements that lies in this package."""
    return files("projections").joinpath(name).read_text()


def statements(text: str) -> Iterator[str]:
    """Split SQL into its statements; those of a trigger stay together.

    Raises:
        ValueError: the text ends within a statement.
    """
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if complete_statement(statement):
            yield statement
            statement = ""
    rest = [line for line in statement.splitlines() if line.strip() and line.strip()[:2] != "--"]
    if rest:
        message = f"a statement has no end: {rest[0]}"
        raise ValueError(message)
