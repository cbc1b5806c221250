"""The SQL files: each statement has a name, is valid, and is used."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import projections
from projections.read_model.queries import parse_queries, query, statements
from projections.read_model.row_store import create_tables
from projections.registry import registered

PACKAGE = Path(projections.__file__).parent
NAMES = sorted(parse_queries((PACKAGE / "read_model" / "queries.sql").read_text()))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Make an empty read model in memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection, registered())
        for projection in registered():
            connection.executescript(projection.indexes)
        yield connection


@pytest.mark.parametrize("name", NAMES)
def test_every_query_fits_the_schema(name: str, connection: sqlite3.Connection) -> None:
    """SQLite takes the statement: all of its tables and columns are there."""
    statement = query(name)

    named = dict.fromkeys(re.findall(r":(\w+)", statement))
    values = named or [None] * statement.count("?")
    plan = connection.execute(f"EXPLAIN {statement}", values).fetchall()

    assert plan


@pytest.mark.parametrize("name", NAMES)
def test_every_query_is_used(name: str) -> None:
    """A statement that nothing asks for is removed."""
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))

    assert f'"{name}"' in code


def test_every_query_that_is_asked_for_is_there() -> None:
    """No code asks for a statement that was renamed."""
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))

    assert set(re.findall(r'query\("(\w+)"\)', code)) <= set(NAMES)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("one_run", "SEARCH runs_details USING INTEGER PRIMARY KEY (rowid=?)"),
        ("run_in_time", "SEARCH runs USING INTEGER PRIMARY KEY (rowid=?)"),
        ("runs_over", "SEARCH runs USING INDEX runs_by_reach (reach=? AND rowid>? AND rowid<?)"),
        ("count_kept_of_pipeline", "SEARCH runs_counts USING PRIMARY KEY (pipeline=?)"),
        ("one_run", "SEARCH run_ids USING PRIMARY KEY (run_id=?)"),
        ("find_run", "SEARCH run_ids USING PRIMARY KEY (run_id=?)"),
        ("read_states", "SEARCH open_states USING PRIMARY KEY (run=?)"),
        ("drop_states", "SEARCH open_states USING PRIMARY KEY (run=?)"),
        ("runs_by_prefix", "SEARCH run_ids USING PRIMARY KEY (run_id>? AND run_id<?)"),
    ],
)
def test_no_list_is_sorted_or_scanned(name: str, step: str, connection: sqlite3.Connection) -> None:
    """Each question of runs is answered from an index that has the order it asks for."""
    statement = query(name)
    steps = connection.execute(
        f"EXPLAIN QUERY PLAN {statement}", ["x"] * statement.count("?")
    ).fetchall()

    plan = [str(row[-1]) for row in steps]

    assert step in plan
    assert not [line for line in plan if "TEMP B-TREE" in line]


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


TRIGGER = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND;"


def test_sql_is_split_into_its_statements() -> None:
    """Each ends with its line; a trigger is one statement, and remarks go with what follows."""
    text = f"-- remark; and more\nCREATE TABLE a (\n  b -- of it;\n);\n\n{TRIGGER}\n-- the end\n"

    table, trigger = statements(text)

    assert table.startswith("-- remark; and more\nCREATE TABLE a (")
    assert table.endswith(");\n")
    assert trigger.strip() == TRIGGER
    assert list(statements("")) == list(statements("\n-- nothing\n")) == []


@pytest.mark.parametrize("text", ["SELECT 1", "SELECT 1;\nSELECT (", TRIGGER[:-4]])
def test_a_statement_without_an_end_is_an_error(text: str) -> None:
    """What would be left out in silence is named instead."""
    with pytest.raises(ValueError, match="a statement has no end: "):
        list(statements(text))
