"""The read model against the log folded again: what is equal is shown to be, the rest is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.disk.folder import LedgerFolder
from ledger.disk.lock import open_lock_file, try_flock
from ledger.errors import LedgerNotFound
from ledger.integrity.repair import repair
from projections.checking.deep_check import DeepCheck, check_deep
from projections.errors import CandidateBusy, ReadModelUnusable
from projections.projection import Projection
from projections.read_model.read_model import ReadModels
from projections.runs.run_rows import RunRows
from tests.ledger.damage import flip
from tests.ledger.damaged_logs import make_log
from tests.ledger.witness import segments_of, snapshot
from tests.projections.costs import Costs, FaultyCosts, catch_up, change, record
from tests.projections.read_model.test_read_only_folder import read_only

OURS: Sequence[Projection[Any]] = (RunRows(), Costs())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Record some runs."""
    return record(tmp_path / "runs", range(8), failing=[3])


def model_of(folder: Path) -> Path:
    """Give the current model."""
    path = ReadModels.of(LedgerFolder(folder)).current()
    assert path is not None
    return path


def files(folder: Path) -> set[str]:
    """List what lies beside the model, but for what SQLite keeps there."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in names if not name.endswith(("-wal", "-shm"))}


def places(found: DeepCheck) -> list[tuple[str, str, str | None, str | None]]:
    """List what was found, shortly."""
    samples = [sample for one in found.projections for sample in one.samples]
    return [(one.run_id, one.place, one.old, one.new) for one in samples]


def test_a_model_that_grew_equals_the_log(folder: Path) -> None:
    """Caught up in steps, with runs that were open in between: every digest is that of the log."""
    for runs in (range(8, 10), range(10, 15)):
        catch_up(folder, Costs(), batch=4)
        record(folder, runs, failing=[12])

    found = check_deep(folder, projections=OURS)

    assert found.equal
    assert [one.projection for one in found.projections] == ["runs", "costs"]
    assert all(one.same_digest for one in found.projections)
    assert found.position == 15 * 7 + 1


def test_it_catches_up_first_and_leaves_nothing(folder: Path) -> None:
    """A model that was not there is built; of the candidate nothing is left but its lock."""
    before = files(folder)

    assert check_deep(folder, projections=OURS).equal

    left = files(folder) - before
    models = {"000001.sqlite", "candidate.lock", "current", "projector.lock"}
    assert left == {f"read-models/{name}" for name in models}


def test_what_comes_meanwhile_is_not_compared(folder: Path) -> None:
    """Runs that are appended and projected while the log is folded again change no answer."""
    appended: list[bool] = []

    def append_once(_reached: int, _last: int) -> None:
        if not appended:
            appended.append(True)
            catch_up(record(folder, [8, 9], failing=[9]), Costs())

    found = check_deep(folder, projections=OURS, progress=append_once)

    assert found.equal
    assert found.position == 8 * 7 + 1
    assert check_deep(folder, projections=OURS).position == 10 * 7 + 1


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE costs SET cost = 1 WHERE run = 9", ("run-001", "costs.cost", "1.0", "1.75")),
        (
            "UPDATE runs_details SET summary = replace(summary, 'pipeline-1', 'other') WHERE run=9",
            ("run-001", "runs_details.summary.pipeline", '"other"', '"pipeline-1"'),
        ),
        ("UPDATE runs SET started = 0 WHERE run = 9", ("run-001", "runs.started", "0", None)),
        ("INSERT INTO run_ids VALUES ('ghost', 4)", ("ghost", "run", "0 rows", None)),
    ],
)
def test_what_was_changed_is_named(
    folder: Path, sql: str, expected: tuple[str, str, str, str | None]
) -> None:
    """The run, the field, what the model has and what the log comes to."""
    change(catch_up(folder, Costs()), sql)

    found = check_deep(folder, projections=OURS)

    assert not found.equal
    run_id, place, old, new = places(found)[0]
    assert (run_id, place, old) == expected[:3]
    assert expected[3] in (None, new)


def test_counts_that_triggers_keep_are_counted_again(folder: Path) -> None:
    """A count that is wrong, of ours or of another projection, is named with its table."""
    model = catch_up(folder, Costs())
    change(model, "UPDATE runs_counts SET runs = runs + 1 WHERE pipeline = 'pipeline-0'")
    change(model, "DELETE FROM costs_counts WHERE pipeline = 'pipeline-2'")

    found = check_deep(folder, projections=OURS)

    assert not found.equal
    assert all(one.same_digest for one in found.projections)
    assert [(one.table, one.missing) for one in found.kept] == [
        ("runs_counts", 2),
        ("costs_counts", 1),
    ]
    assert found.kept[1].sample == '["pipeline-2", 2]'


def test_an_index_of_words_is_compared_by_what_it_holds(folder: Path) -> None:
    """A reason that is not found any more, and one that is found where it does not stand."""
    model = catch_up(folder, Costs())
    assert check_deep(folder, projections=OURS).equal
    sql = "INSERT INTO runs_failures (runs_failures, rowid, reason) VALUES ('delete', ?, ?)"
    with closing(sqlite3.connect(model)) as connection, connection:
        ((run, reason),) = connection.execute("SELECT run, reason FROM runs_reasons").fetchall()
        connection.execute(sql, (run, reason))
        connection.execute("INSERT INTO runs_failures (rowid, reason) VALUES (9, 'abcd')")

    found = check_deep(folder, projections=OURS)

    (kept,) = found.kept
    assert not found.equal
    assert (kept.table, kept.only_kept, kept.missing) == ("runs_failures", 2, len(reason) - 2)


def test_a_kept_table_that_is_gone_is_named(folder: Path) -> None:
    """Whatever became of it."""
    change(catch_up(folder, Costs()), "DROP TABLE costs_counts")

    (kept,) = check_deep(folder, projections=OURS).kept

    assert (kept.table, kept.sample) == ("costs_counts", "it is missing")


def test_an_index_that_lies_is_a_flaw(folder: Path) -> None:
    """Lists are read by indexes: one that does not fit its table is found by SQLite's own check."""
    model = catch_up(folder, Costs())
    change(model, "CREATE INDEX costs_by_cost ON costs (cost)")
    _retarget_index(model)

    found = check_deep(folder, projections=OURS)

    assert not found.equal
    assert any("costs_by_cost" in flaw for flaw in found.flaws)


def _retarget_index(model: Path) -> None:
    connection = sqlite3.connect(model)
    connection.execute("PRAGMA writable_schema = ON")
    sql = "UPDATE sqlite_master SET sql = replace(sql, '(cost)', '(detail)') WHERE name = ?"
    connection.execute(sql, ("costs_by_cost",))
    connection.commit()
    connection.close()


def test_a_projection_that_parked_an_event_is_degraded(folder: Path) -> None:
    """The rows are what the log comes to without that event, which is not enough."""
    faulty: Sequence[Projection[Any]] = (RunRows(), FaultyCosts())
    for run in (0, 1):
        catch_up(record(folder.with_name("new"), [run]), FaultyCosts())
    catch_up(record(folder.with_name("new"), [2, 3, 4], failing=[2, 4]), FaultyCosts())

    found = check_deep(folder.with_name("new"), projections=faulty)

    assert all(one.same_digest for one in found.projections)
    assert not found.equal
    assert [(one.projection, one.count, one.first) for one in found.degraded] == [("costs", 2, 20)]


def test_a_mended_bug_shows_what_it_had_left_out(folder: Path) -> None:
    """The same version with other code: what the model lacks is named."""
    new = folder.with_name("new")
    catch_up(record(new, [0]), FaultyCosts())
    catch_up(record(new, [1], failing=[1]), FaultyCosts())

    found = check_deep(new, projections=OURS)

    assert places(found) == [("run-001", "costs.detail.failures", "0", "1")]


def test_what_a_repair_passed_over_is_missed_in_the_model(tmp_path: Path) -> None:
    """A model that saw events which the log has lost since is not what the log comes to."""
    folder = make_log(tmp_path / "runs")
    assert check_deep(folder).equal
    flip(segments_of(folder)[1], 500)
    repair(folder, actor="anna", reason="a test")

    found = check_deep(folder)
    assert not found.equal
    assert {run_id for run_id, *_ in places(found)} == {"run-1"}

    (folder / "read-models" / "current").unlink()
    assert check_deep(folder).equal


def test_one_candidate_at_a_time(folder: Path) -> None:
    """Whoever comes second is told to wait; the live model is as it was."""
    catch_up(folder, Costs())
    fd = open_lock_file(folder / "read-models" / "candidate.lock")
    assert try_flock(fd)

    with pytest.raises(CandidateBusy, match="wait for it"):
        check_deep(folder, projections=OURS)


def test_what_a_killed_check_left_is_removed(folder: Path) -> None:
    """The next one begins clean, and leaves clean."""
    left = folder / "read-models" / "candidate"
    left.mkdir()
    (left / "000001.sqlite").write_bytes(b"half a model")

    assert check_deep(folder, projections=OURS).equal
    assert not left.exists()


def test_an_interrupted_check_leaves_nothing(folder: Path) -> None:
    """Ctrl-C while it folds: the candidate is removed, and the live model serves on."""

    def stop(_reached: int, _last: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_deep(folder, projections=OURS, progress=stop)

    assert not (folder / "read-models" / "candidate").exists()
    assert check_deep(folder, projections=OURS).equal


def test_a_model_that_cannot_be_read_is_said(folder: Path) -> None:
    """Bytes that SQLite does not take within the rows: an error of ours, not a traceback."""
    model = catch_up(folder, Costs())
    change(model, "INSERT INTO run_ids VALUES ('odd', 'no number')")

    with pytest.raises(ReadModelUnusable, match="no position"):
        check_deep(folder, projections=OURS)


def test_no_ledger_is_no_ledger(tmp_path: Path) -> None:
    """Nothing is made where there is none."""
    with pytest.raises(LedgerNotFound):
        check_deep(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_read_only_folder_is_checked_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor's copy: model and candidate lie in the cache, and nothing in the copy changes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    copy = record(tmp_path / "copy", range(3), failing=[1])
    before = snapshot(copy)

    with read_only(copy):
        assert check_deep(copy, projections=OURS).equal

    assert snapshot(copy) == before
    assert list((tmp_path / "cache").rglob("000001.sqlite"))
    assert not list((tmp_path / "cache").rglob("candidate"))
