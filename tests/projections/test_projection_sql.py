"""The SQL of a projection is somebody's own: what is wrong with it is told by name."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger import LogReader
from projections.engine.projector import Projector
from projections.errors import ProjectionInvalid
from projections.testing import check_projection, lines_of, write_log
from tests.ledger.examples import one_run
from tests.projections.broken_projections import TypeCounts

WRONG = {
    "no SQL": ("CREAT INDEX x;", "syntax error"),
    "no end": ("CREATE INDEX type_counts_types ON type_counts (type)", "a statement has no end"),
    "two in a line": (
        "CREATE INDEX a ON type_counts (run); CREATE INDEX b ON type_counts (type);",
        "one stat",
    ),
    "no such table": ("CREATE INDEX type_counts_types ON tallies (type);", "no such table"),
    "rows that do not fit": (
        "CREATE UNIQUE INDEX type_counts_runs ON type_counts (run);",
        "UNIQUE",
    ),
    "the name of another": (
        "CREATE TABLE runs_of_type_counts (run);",
        "is not called type_counts or type_counts_",
    ),
}


class Indexed(TypeCounts):
    """Has SQL of its own for when the rows are in."""

    def __init__(self, indexes: str) -> None:
        """Let ``indexes`` be that SQL."""
        self.indexes = indexes


@pytest.mark.parametrize("case", WRONG)
def test_wrong_sql_for_indexes_is_told(case: str, tmp_path: Path) -> None:
    """A build that cannot be finished says whose SQL it was, and leaves nothing behind."""
    indexes, reason = WRONG[case]
    write_log(tmp_path, lines_of(one_run("run-1")))
    reader = LogReader(tmp_path)
    projector = Projector(reader, projections=[Indexed(indexes)])

    with pytest.raises(ProjectionInvalid, match=reason) as caught:
        projector.catch_up(reader.position)

    assert caught.value.name == "type_counts"
    assert projector.models.current() is None
    assert not list(projector.models.path.glob("*.sqlite*"))


def test_the_contract_kit_tells_the_same() -> None:
    """Before anybody builds a model."""
    with pytest.raises(ProjectionInvalid, match="its indexes: a statement has no end"):
        check_projection(Indexed(WRONG["no end"][0]))


def test_what_indexes_may_make(tmp_path: Path) -> None:
    """Indexes, and tables under the projection's name; figures for SQLite's planner, too."""
    indexes = """
        CREATE INDEX type_counts_types ON type_counts (type);
        CREATE TABLE type_counts_sum AS SELECT count(*) AS lines FROM type_counts;
        ANALYZE;
        -- and no more
    """
    write_log(tmp_path, lines_of(one_run("run-1")))
    reader = LogReader(tmp_path)
    projector = Projector(reader, projections=[Indexed(indexes)])

    projector.catch_up(reader.position)

    path = projector.models.current()
    assert path is not None
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT lines FROM type_counts_sum").fetchall() == [(2,)]
