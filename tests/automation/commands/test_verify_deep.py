"""``runfold verify --deep``: whether the read model is what the log comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from projections.registry import registered
from projections.runs.run_rows import RunRows
from tests.automation.commands.in_process import CommandLine
from tests.ledger.damage import flip
from tests.ledger.witness import segments_of
from tests.projections.costs import change, record


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Record some runs, and give the command line on them."""
    return CommandLine(record(tmp_path / "runs", range(4), failing=[2]), capfd)


def test_a_model_that_equals_the_log(run: CommandLine) -> None:
    """Exit 0, the digest and the number of runs; a model that is missing is built first."""
    answer = run("verify", "--deep")

    assert answer.code == 0
    sound, _root, runs, *others, whole = answer.out.splitlines()
    assert sound.startswith("sound: 29 events")
    assert runs.startswith(f"equal: runs, version {RunRows.version}: 4 runs, ")
    assert [other.split()[1] for other in others] == [f"{one.name}," for one in registered()[1:]]
    assert whole == "equal: the read model 000001 at position 29 is what the log comes to"
    assert answer.err == ""


def test_each_run_and_field_that_differs_is_named(run: CommandLine) -> None:
    """Exit 1, a line for each with both values, and how many there are of each field."""
    run("runs")
    change(run.folder / "read-models" / "000001.sqlite", "UPDATE runs SET duration = 9 WHERE run=9")
    change(run.folder / "read-models" / "000001.sqlite", "DELETE FROM runs_metadata WHERE run = 2")

    answer = run("verify", "--deep")

    assert answer.code == 1
    lines = answer.out.splitlines()[2:]
    row = 'runs_metadata["day"]: read model: nothing; log: ["day", "00"]'
    assert lines[:3] == [
        f"differs: runs: run run-000 (position 2): {row}",
        "differs: runs: run run-001 (position 9): runs.duration: read model: 9.0; log: 2.0",
        "differs: runs: 2 of 4 runs differ: runs.duration 1, runs_metadata 1",
    ]
    assert lines[-1].endswith("is not what the log comes to; runfold rebuild makes it anew")

    run("rebuild")
    assert run("verify", "--deep").code == 0


def test_counts_that_are_kept_are_counted_again(run: CommandLine) -> None:
    """Exit 1, and the table is named."""
    run("runs")
    change(run.folder / "read-models" / "000001.sqlite", "UPDATE runs_counts SET runs = 7")

    answer = run("verify", "--deep")

    assert answer.code == 1
    assert "differs: runs_counts, kept beside the rows: " in answer.out


def test_a_damaged_log_is_not_folded(run: CommandLine) -> None:
    """Exit 4 as without the option; nothing is compared, and that is said."""
    flip(segments_of(run.folder)[0], 900)

    answer = run("verify", "--deep")
    assert answer.code == 4
    assert answer.out.splitlines()[-1].startswith("not compared: a damaged log")

    answer = run("verify", "--deep", "--json")
    assert answer.code == 4
    assert answer.json["deep"] is None


def test_json_holds_the_same(run: CommandLine) -> None:
    """What verify says, and beside it what was compared; without the option nothing of it."""
    found = run("verify", "--deep", "--json").json

    assert found["sound"] is True
    assert found["deep"]["equal"] is True
    runs, *_ = found["deep"]["projections"]
    assert runs["old"] == runs["new"]
    assert "deep" not in run("verify", "--json").json


def test_samples_are_limited_and_counts_are_not(run: CommandLine) -> None:
    """One of each field, or all with 0."""
    run("runs")
    change(run.folder / "read-models" / "000001.sqlite", "UPDATE runs SET last_position = 1")

    for samples, lines in ((1, 1), (2, 2), (0, 4)):
        out = run("verify", "--deep", "--samples", samples).out
        assert out.count("runs.last_position: ") == lines
        assert "4 of 4 runs differ: runs.last_position 4" in out
