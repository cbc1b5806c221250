"""The canonical digest: of what the rows say, not of how they came about."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import LogReader
from projections.checking.digests import ProjectionDigest, digest_of
from projections.engine.projector import Projector
from projections.read_model.row_store import projected
from projections.runs.run_rows import RunRows
from tests.projections.costs import Costs, catch_up, change, record

NAMES = ("runs", "costs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record some runs once; no model is made of them here."""
    return record(tmp_path_factory.mktemp("digests") / "runs", range(9), failing=[2, 5])


@contextmanager
def reading(model: Path) -> Iterator[sqlite3.Connection]:
    """Read a model at one moment."""
    with closing(sqlite3.connect(f"{model.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("BEGIN")
        yield connection


def digests(model: Path) -> dict[str, ProjectionDigest]:
    """Give the digest of each projection of a model."""
    with reading(model) as connection:
        return {name: digest_of(connection, name) for name in sorted(projected(connection))}


def fresh(folder: Path, name: str) -> Path:
    """Copy a log without its models."""
    copy = folder.with_name(name)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.sqlite*", "current"))
    return copy


def test_the_digest_is_what_its_definition_says(folder: Path) -> None:
    """Computed anew from the raw tables by the words of the module, it is the same."""
    model = catch_up(fresh(folder, "defined"), Costs())
    encode = msgspec.msgpack.encode
    whole = hashlib.sha256()
    with reading(model) as connection:
        for run_id, run in connection.execute("SELECT run_id, run FROM run_ids ORDER BY run"):
            tables = []
            for table in ("costs", "costs_stages"):
                sql = f"SELECT * FROM {table} WHERE run = ?"  # noqa: S608 - names of ours
                rows = [list(row[1:]) for row in connection.execute(sql, (run,))]
                if rows:
                    tables.append([table, sorted(rows, key=encode)])
            whole.update(encode([run_id, hashlib.sha256(encode(tables)).digest()]))

    assert digests(model)["costs"].digest == whole.hexdigest()


@settings(max_examples=15)
@given(batch=st.integers(2, 70), stops=st.lists(st.integers(1, 63), max_size=3))
def test_a_model_that_grew_in_any_steps_has_the_digest_of_a_rebuild(
    folder: Path, batch: int, stops: list[int]
) -> None:
    """Batches, generations and the moments of catching up leave no trace in it."""
    copy = fresh(folder, "grown")
    ours = (RunRows(), Costs())
    for stop in [*sorted(stops), None]:
        # A reader of a log that was shorter then.
        grown = copy.with_name("grown-log")
        _cut(copy, grown, stop)
        Projector(LogReader(grown), projections=ours, batch=batch).catch_up(
            LogReader(grown).position
        )
    model = Projector(LogReader(grown), projections=ours).models.current()
    assert model is not None

    assert digests(model) == digests(catch_up(fresh(folder, "at-once"), Costs()))
    shutil.rmtree(grown)


def _cut(folder: Path, into: Path, last: int | None) -> None:
    """Give a log the first lines of another, and keep the models that it has."""
    shutil.copytree(folder, into, dirs_exist_ok=True)
    # Without a mark a log is read to its end.
    (into / "lock").unlink(missing_ok=True)
    (segment,) = (into / "events").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:last]))


def test_the_order_in_which_rows_were_written_does_not_count(folder: Path) -> None:
    """Rows of a table without a key, put in anew in another order, have the same digest."""
    model = catch_up(fresh(folder, "reordered"), Costs())
    before = digests(model)
    change(model, "CREATE TABLE aside AS SELECT * FROM costs_stages")
    change(model, "DELETE FROM costs_stages")
    change(model, "INSERT INTO costs_stages SELECT * FROM aside ORDER BY seconds DESC, run DESC")

    assert digests(model) == before


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("UPDATE costs SET cost = cost + 1e-9 WHERE run = 9", "costs"),
        ("UPDATE costs SET pipeline = NULL WHERE run = 9", "costs"),
        ("DELETE FROM costs_stages WHERE run = 9 AND stage = 'merge'", "costs"),
        ("INSERT INTO costs_stages VALUES (9, 'merge', 0.25)", "costs"),
        ("UPDATE costs SET detail = detail || ' ' WHERE run = 9", "costs"),
        ("UPDATE runs_details SET attempts = CAST(attempts AS BLOB) WHERE run = 9", "runs"),
    ],
)
def test_any_change_shows(folder: Path, sql: str, name: str) -> None:
    """A value, its type, a row more or less: the digest of that projection is another one."""
    model = catch_up(fresh(folder, "changed"), Costs())
    before = digests(model)
    change(model, sql)

    changed = {one for one, digest in digests(model).items() if digest != before[one]}
    assert changed == {name}


def test_runs_are_named_in_it(folder: Path) -> None:
    """The same rows under another run id are not the same."""
    model = catch_up(fresh(folder, "renamed"), Costs())
    before = digests(model)
    change(model, "UPDATE run_ids SET run_id = 'another' WHERE run_id = 'run-003'")

    assert all(digests(model)[name].digest != before[name].digest for name in NAMES)
