"""``runfold projections``, and what other commands say while a projection is degraded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from projections.registry import registered
from projections.runs.run_rows import RunRows
from tests.automation.commands.in_process import CommandLine
from tests.automation.commands.installed import install
from tests.automation.commands.processes import runfold_each
from tests.projections.costs import record

PLACE = "tests.projections.costs"


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Record some runs, and give the command line on them."""
    return CommandLine(record(tmp_path / "runs", range(3)), capfd)


def test_projections_that_are_up_to_date(run: CommandLine) -> None:
    """Exit 0, a line for each."""
    run("runs")

    answer = run("projections")

    assert answer.code == 0
    header, line, *others = answer.out.splitlines()
    assert header.split() == [
        "projection", "version", "generation", "checkpoint", "lag", "rows", "parked",
    ]  # fmt: skip
    cells = line.split()
    assert cells[:5] == ["runs", str(RunRows.version), "000001", "22", "none"]
    assert cells[-1] == "0"
    assert [other.split()[0] for other in others] == [one.name for one in registered()[1:]]


def test_what_was_not_built_yet_is_said(run: CommandLine) -> None:
    """Asking builds nothing."""
    assert ", not built yet  none        0           22 events" in run("projections").out
    assert not list((run.folder / "read-models").iterdir())


def test_the_lag_is_said(run: CommandLine) -> None:
    """In events and seconds, as JSON too."""
    run("runs")
    record(run.folder, [7])

    standing, *_ = run("projections", "--json").json["projections"]

    assert standing["lag_events"] == 7
    assert standing["lag_seconds"] > 0
    assert "7 events, " in run("projections").out


def test_the_digest_is_that_of_a_deep_check(run: CommandLine) -> None:
    """It is only computed where it is asked for."""
    run("runs")
    standing, *_ = run("projections", "--digest", "--json").json["projections"]

    assert standing["digest"] in run("verify", "--deep").out
    assert standing["digest"] in run("projections", "--digest").out
    assert run("projections", "--json").json["projections"][0]["digest"] is None


def test_nothing_is_parked(run: CommandLine) -> None:
    """Exit 0, and words for it."""
    assert (run("projections", "--parked").code, run("projections", "--parked").out) == (
        0,
        "none is parked\n",
    )


def test_a_missing_folder_is_not_found(run: CommandLine) -> None:
    """Exit 3."""
    answer = run("projections", "--dir", run.folder / "none", on_folder=False)

    assert answer.code == 3


def test_a_degraded_projection_shows_everywhere(tmp_path: Path) -> None:
    """An event that a projection could not take: each command that shows runs says so."""
    folder = record(tmp_path / "runs", [0])
    environment = install(tmp_path / "site", "costs", f"{PLACE}:FaultyCosts")

    def said(*commands: str) -> list[tuple[int, str, str]]:
        each = [[*command.split(), "--dir", folder] for command in commands]
        return runfold_each(*each, cwd=tmp_path, **environment)

    [(code, _, err)] = said("runs")
    assert (code, err) == (0, "")
    record(folder, [1], failing=[1])

    *shown, standing, parked, as_json, verified = said(
        *("runs", "runs --json", "show run-001"),
        *("projections --json", "projections --parked", "projections --parked --json"),
        "verify --deep",
    )
    warning = "runfold: degraded: the projection costs could not take an event at position 13;"
    for code, out, err in shown:
        assert code == 0
        assert "run-001" in out
        assert err.startswith(warning)

    counts = {one["name"]: one["parked"] for one in json.loads(standing[1])["projections"]}
    assert standing[0] == 1
    assert counts == {**dict.fromkeys(counts, 0), "costs": 1}

    told = "costs: position 13, stage_failed of run run-001:"
    assert parked[:2] == (1, f"{told} LookupError: no price for failures of run-001\n")
    assert json.loads(as_json[1])["parked"][0]["position"] == 13

    code, out, _ = verified
    assert code == 1
    assert out.splitlines()[-1].startswith("degraded: the read model 000001 at position 15 ")
