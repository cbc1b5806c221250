"""``runfold show``: one run in full."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from automation.commands import main
from ledger import EventLog, LogReader, RunContext
from projections import RunHistory


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Give a log with a run that has everything, and three of similar ids."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        run = RunContext.start(
            log,
            pipeline="nightly",
            run_id="20260115-full",
            stages=["load", "merge"],
            parameters={"day": "[b]x[/b]"},
            metadata={"team": "d\x1b[0mata"},
            trigger="cron",
            code_version="abc",
        )
        with contextlib.suppress(ValueError), run:
            run.annotate("looked\x07 at it", actor="ops")
            with run.stage("load") as stage:
                stage.metric("rows", 3)
            run.skip("publish", "merge will fail")
            with run.stage("merge") as stage:
                stage.output("one [red]line[/red]\nlast \x1b[31mline\n")
                raise ValueError("row\n7")
        for name in ("20260116-a", "20260116-ab", "20260117-x"):
            RunContext.start(log, pipeline="p", run_id=name).end("success")
    return folder


def show(capfd: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Give the exit code and what the command prints."""
    code = main(["show", "--dir", str(folder), *arguments])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_all_that_is_known_is_shown(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Attempts, reason, notes, output and traceback, and none of it acts on the terminal."""
    code, out, err = show(capfd, ledger, "20260115-full")

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("run 20260115-full of nightly: failed in ")
    assert lines[1] == "Stage merge failed: ValueError: row 7"
    assert lines[-1] == f"as of position {LogReader(ledger).position}"
    assert [line.split()[:3] for line in lines[4:7]] == [
        ["load", "1", "success"],
        ["merge", "1", "failed"],
        ["publish", "skipped", "merge"],
    ]
    for text in (
        f"log  {ledger}/events",
        "trigger",
        "cron",
        "day=[b]x[/b]",
        r"team=d\x1b[0mata",
        r"  looked\x07 at it",
        "merge, attempt 1, printed:",
        "  one [red]line[/red]",
        r"  last \x1b[31mline",
        "merge, attempt 1, raised:",
        "  Traceback (most recent call last):",
        "  ValueError: row",
    ):
        assert text in out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_json_is_the_whole_summary(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is what the history gives, attempts included, and the position that it reflects."""
    _, out, _ = show(capfd, ledger, "20260115-full", "--json")

    with RunHistory(ledger) as history:
        summary = history.get_run("20260115-full")
        position = history.catch_up()
    assert summary is not None
    assert json.loads(out) == {**summary.model_dump(mode="json"), "position": position}


@pytest.mark.parametrize(
    ("given", "found"),
    [("20260115", "20260115-full"), ("20260117", "20260117-x"), ("20260116-a", "20260116-a")],
)
def test_the_beginning_of_an_id_is_enough(
    ledger: Path, given: str, found: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where only one run begins so, it is meant; a whole id is always meant itself."""
    code, out, _ = show(capfd, ledger, given, "--json")

    assert (code, json.loads(out)["run_id"]) == (0, found)


@pytest.mark.parametrize(
    ("given", "code", "line"),
    [
        ("nope", 3, "there is no run 'nope' in "),
        ("20260115-full-and-more", 3, "there is no run '20260115-full-and-more' in "),
        ("20260116", 2, "several runs begin with '20260116': 20260116-a, 20260116-ab"),
        ("..", 2, "run id: '..' is not one"),
        (".", 2, "run id: '.' is not one"),
        ("a/b", 2, "run id: 'a/b' is not one"),
        ("a\x1b[2J", 2, r"run id: 'a\x1b[2J' is not one"),
        ("", 2, "run id: '' is not one"),
    ],
)
def test_what_is_not_found_is_told(
    ledger: Path, given: str, code: int, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Unknown, ambiguous and impossible ids are told apart."""
    exited, out, err = show(capfd, ledger, given)

    assert (exited, out) == (code, "")
    assert err.startswith(f"runfold: {line}")


@pytest.mark.parametrize("given", ["20260116-a", "20260117"])
def test_before_its_start_a_run_had_not_started(
    ledger: Path, given: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A run that is there now, but was not then, is told from one that never was."""
    exited, out, err = show(capfd, ledger, given, "--as-of", "2")

    assert (exited, out) == (3, "")
    assert f"runfold: run '{given}" in err
    assert " had not started then: it started at 2" in err


def test_a_run_that_goes_on_is_running(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It has no result yet, and an open attempt."""
    with EventLog.open(ledger) as log:
        run = RunContext.start(log, pipeline="p", run_id="now")
        with run, run.stage("a"):
            _, out, _ = show(capfd, ledger, "now")

    lines = out.splitlines()
    assert lines[0] == "run now of p: running"
    assert lines[3].split() == ["a", "1", "running"]
