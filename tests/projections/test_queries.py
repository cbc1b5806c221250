"""The SQL files: each statement has a name, is valid, and is used."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import projections
from projections.queries import parse_queries, query, schema

PACKAGE = Path(projections.__file__).parent
NAMES = sorted(parse_queries((PACKAGE / "queries.sql").read_text()))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Make an empty read model in memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema())
        yield connection


@pytest.mark.parametrize("name", NAMES)
def test_every_query_fits_the_schema(name: str, connection: sqlite3.Connection) -> None:
    """SQLite takes the statement: all of its tables and columns are there."""
    statement = query(name)

    plan = connection.execute(f"EXPLAIN {statement}", [None] * statement.count("?")).fetchall()

    assert plan


@pytest.mark.parametrize("name", NAMES)
def test_every_query_is_used(name: str) -> None:
    """A statement that nothing asks for is removed."""
    code = "".join(path.read_text() for path in PACKAGE.glob("*.py"))

    assert f'"{name}"' in code


def test_every_query_that_is_asked_for_is_there() -> None:
    """No code asks for a statement that was renamed."""
    code = "".join(path.read_text() for path in PACKAGE.glob("*.py"))

    assert set(re.findall(r'query\("(\w+)"\)', code)) <= set(NAMES)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("newest_runs", "runs_newest"),
        ("newest_runs_by_result", "runs_by_result"),
        ("running_runs", "runs_by_result"),
        ("one_run", "sqlite_autoindex_runs_1"),
        ("read_state", "sqlite_autoindex_runs_1"),
        ("runs_by_prefix", "sqlite_autoindex_runs_1"),
    ],
)
def test_no_list_is_sorted_or_scanned(
    name: str, index: str, connection: sqlite3.Connection
) -> None:
    """Each question of runs is answered from an index that has the order it asks for."""
    statement = query(name)
    steps = connection.execute(
        f"EXPLAIN QUERY PLAN {statement}", ["x"] * statement.count("?")
    ).fetchall()

    plan = "; ".join(str(step[-1]) for step in steps)

    assert f"INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


def test_statements_are_found_by_their_names() -> None:
    """A header names what follows it, up to the next header."""
    text = "-- one --\nSELECT 1\n\n-- two --\nSELECT\n    2 -- not a header\n"

    assert parse_queries(text) == {"one": "SELECT 1", "two": "SELECT\n    2 -- not a header"}
    assert parse_queries("") == {}


def test_a_name_stands_once() -> None:
    """The second statement of a name would hide the first."""
    with pytest.raises(ValueError, match=r"twice.*'a', 'b', 'a'"):
        parse_queries("-- a --\nSELECT 1\n-- b --\nSELECT 2\n-- a --\nSELECT 3\n")


def test_an_unknown_name_is_an_error() -> None:
    """A misspelt name does not become an empty statement."""
    with pytest.raises(KeyError):
        query("no_such_query")
