"""Two models compared, run by run and field by field."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.checking.model_comparison import Comparison, compare
from projections.checking.model_scan import RowOfNoRun
from tests.projections.costs import Costs, catch_up, change, record

RUNS = 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a model of some runs once."""
    folder = record(tmp_path_factory.mktemp("comparison") / "runs", range(RUNS), failing=[2])
    return catch_up(folder, Costs())


@contextmanager
def opened(model: Path) -> Iterator[sqlite3.Connection]:
    """Read a model at one moment."""
    with closing(sqlite3.connect(model)) as connection:
        connection.execute("BEGIN")
        yield connection


def changed(model: Path, *statements: str) -> Path:
    """Copy a model and change it."""
    copy = model.with_name("changed.sqlite")
    with closing(sqlite3.connect(model)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for statement in statements:
        change(copy, statement)
    return copy


def compared(
    model: Path, *statements: str, name: str = "costs", samples: int | None = None
) -> Comparison:
    """Compare a model with what some changes make of it."""
    with opened(model) as old, opened(changed(model, *statements)) as new:
        return compare(old, new, name, samples=samples)


def places(found: Comparison) -> list[tuple[str, str, str | None, str | None]]:
    """List what was found, shortly."""
    return [(one.run_id, one.place, one.old, one.new) for one in found.samples]


def test_equal_models_are_equal(model: Path) -> None:
    """Nothing differs, and both digests are the same."""
    found = compared(model)

    assert found.equal
    assert found.same_digest
    assert found.old is not None
    assert (found.old.content.runs, found.differing, found.fields) == (RUNS, 0, {})


def test_a_changed_value_is_named_with_its_run(model: Path) -> None:
    """The table, the column and both values."""
    found = compared(model, "UPDATE costs SET cost = 99 WHERE run = 9")

    assert places(found) == [("run-001", "costs.cost", "1.75", "99.0")]
    assert (found.differing, found.fields, found.equal) == (1, {"costs.cost": 1}, False)
    assert not found.same_digest


def test_a_change_within_json_is_named_by_its_path(model: Path) -> None:
    """The path leads to the value that differs, and nothing else is said."""
    found = compared(
        model,
        'UPDATE runs_details SET summary = replace(summary, \'"day":"03"\', \'"day":3\')',
        name="runs",
    )

    assert places(found) == [("run-003", "runs_details.summary.metadata.day", '"03"', "3")]


def test_runs_of_one_side_are_counted(model: Path) -> None:
    """A run that is only here, and one that is only there."""
    found = compared(
        model,
        "DELETE FROM run_ids WHERE run_id = 'run-000'",
        "DELETE FROM costs WHERE run = 2",
        "DELETE FROM costs_stages WHERE run = 2",
        "INSERT INTO run_ids VALUES ('new', 1000)",
    )

    assert places(found) == [("run-000", "run", "3 rows", None), ("new", "run", None, "0 rows")]
    assert (found.only_old, found.only_new, found.fields) == (1, 1, {"run": 2})


def test_rows_with_a_key_are_found_by_it(model: Path) -> None:
    """A row is paired with that of its key: its value differs, not what is beside it."""
    found = compared(
        model,
        "UPDATE runs_metadata SET value = 'x' WHERE run = 9",
        "INSERT INTO runs_metadata VALUES (9, 'a', 'first')",
        name="runs",
    )

    assert sorted(places(found)) == [
        ("run-001", 'runs_metadata["a"]', None, '["a", "first"]'),
        ("run-001", 'runs_metadata["day"].value', '"01"', '"x"'),
    ]
    assert found.fields == {"runs_metadata": 1, "runs_metadata.value": 1}


def test_rows_without_a_key_are_paired_by_what_they_hold(model: Path) -> None:
    """One row more among several is one difference, wherever it stands."""
    found = compared(model, "INSERT INTO costs_stages VALUES (9, 'aaa', 0.0)")

    assert places(found) == [("run-001", "costs_stages[0]", None, '["aaa", 0.0]')]


def test_rows_of_no_run_are_shown(model: Path) -> None:
    """Rows whose run has no id are a difference like any other."""
    found = compared(model, "INSERT INTO costs_stages VALUES (4, 'x', 1.0)")

    assert places(found) == [("", "run", None, "1 row")]


def test_another_key_of_a_run_is_a_difference(model: Path) -> None:
    """Rows under another run id are said to be of that one."""
    found = compared(model, "UPDATE run_ids SET run_id = 'another' WHERE run_id = 'run-001'")

    assert places(found) == [("another", "run_id", '"run-001"', '"another"')]


def test_all_are_counted_and_few_are_shown(model: Path) -> None:
    """The samples of each field are limited, the counts are not."""
    found = compared(model, "UPDATE costs SET cost = cost + 1, pipeline = 'x'", samples=2)

    assert found.fields == {"costs.cost": RUNS, "costs.pipeline": RUNS}
    assert [one.field for one in found.samples] == ["costs.pipeline", "costs.cost"] * 2
    assert found.differing == RUNS


def test_any_number_of_keys_is_counted_in_bounded_room(model: Path) -> None:
    """Beyond some hundred fields, the column stands for what its JSON holds."""
    many = "{" + ",".join(f'"key-{number}":1' for number in range(2000)) + "}"
    found = compared(model, f"UPDATE costs SET detail = '{many}' WHERE run = 9")  # noqa: S608 - ours

    assert len(found.fields) < 600
    assert found.fields["costs.detail"] == 1


def test_columns_and_tables_of_one_side_are_said(model: Path) -> None:
    """What only one of them has is named, and the rest compared."""
    found = compared(
        model,
        "ALTER TABLE costs ADD COLUMN currency TEXT",
        "DROP TABLE costs_stages",
        "DELETE FROM projection_tables WHERE name = 'costs_stages'",
        "UPDATE costs SET cost = 5 WHERE run = 9",
    )

    assert found.shape == ("new column costs.currency", "removed table costs_stages")
    assert places(found) == [("run-001", "costs.cost", "1.75", "5.0")]
    assert not found.equal


def test_a_projection_that_one_model_lacks(model: Path) -> None:
    """It is said to lack it."""
    found = compared(model, "DELETE FROM projections", "DELETE FROM projection_tables")

    assert found.new is None
    assert found.old is not None
    assert not found.equal


def test_a_row_that_has_no_place_is_refused(model: Path) -> None:
    """Nothing of ours writes a row whose run is no position."""
    with pytest.raises(RowOfNoRun, match="no position"):
        compared(model, "INSERT INTO run_ids VALUES ('odd', 'not a number')")


edits = st.sampled_from(
    [
        "UPDATE costs SET cost = {value} WHERE run = {run}",
        "UPDATE costs SET detail = '{{\"run\":{value}}}' WHERE run = {run}",
        "DELETE FROM costs WHERE run = {run}",
        "DELETE FROM costs_stages WHERE run = {run} AND seconds < {value}",
        "INSERT INTO costs_stages VALUES ({run}, 'load', {value})",
        "DELETE FROM run_ids WHERE run = {run}",
        "INSERT OR IGNORE INTO run_ids VALUES ('run-x', {run})",
        "UPDATE costs SET cost = cost WHERE run = {run}",
    ]
)


@settings(max_examples=60)
@given(st.lists(st.tuples(edits, st.integers(0, RUNS - 1), st.integers(0, 3)), max_size=3))
def test_differences_and_digests_say_the_same(
    model: Path, drawn: list[tuple[str, int, int]]
) -> None:
    """Whatever was changed: the digests differ exactly where a difference is named."""
    statements = [edit.format(run=2 + 7 * run, value=value) for edit, run, value in drawn]
    found = compared(model, *statements)

    assert found.equal == found.same_digest == (not found.samples)
    assert found.differing <= RUNS + 1
    assert found.differing == len({one.run for one in found.samples})
