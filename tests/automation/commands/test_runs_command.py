"""``runfold runs``: lists of runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automation.commands import main
from ledger import EventLog, LogReader, RunContext
from projections import RunHistory


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Give a log with a run of each kind."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        with RunContext.start(log, pipeline="nightly", run_id="good") as run, run.stage("a"):
            pass
        bad = RunContext.start(log, pipeline="nightly", run_id="bad")
        bad.end("failed", "[bold]no[/bold] \x1b]0;x\x07 \u202e")
        RunContext.start(log, pipeline="p" * 128, run_id="r" * 128).end("stopped")
    return folder


def listed(capfd: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Give what the command prints."""
    assert main(["runs", *map(str, arguments)]) == 0
    captured = capfd.readouterr()
    assert captured.err == ""
    return captured.out


def test_a_list_is_newest_first(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each run is one whole line, however long its names, and its text is printed as text."""
    header, stopped, bad, good, count = listed(capfd, "--dir", ledger).splitlines()

    assert header.split() == [
        "run", "pipeline", "result", "started", "duration", "stages", "reason",
    ]  # fmt: skip
    assert stopped.split()[:3] == ["r" * 128, "p" * 128, "stopped"]
    assert bad.startswith("bad ")
    assert bad.endswith(r"[bold]no[/bold] \x1b]0;x\x07 \u202e")
    assert good.split()[:3] == ["good", "nightly", "success"]
    assert count == f"3 runs; as of position {LogReader(ledger).position}"


def test_a_list_can_be_limited(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A limit and a result choose, and the last line says how many there are."""
    assert listed(capfd, "--dir", ledger, "--limit", 2).splitlines()[-1].startswith("2 of 3 runs; ")
    only = listed(capfd, "--dir", ledger, "--result", "failed").splitlines()
    assert [line.split()[0] for line in only] == ["run", "bad", "1"]


def test_json_is_what_the_api_gives(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Runs without their attempts and the total that match, in ASCII, and the position."""
    text = listed(capfd, "--dir", ledger, "--json", "--limit", 1, "--result", "success")

    with RunHistory(ledger) as history:
        good = history.get_run("good")
    assert good is not None
    assert text.isascii()
    assert json.loads(text) == {
        "runs": [good.list_item()],
        "total": 1,
        "position": LogReader(ledger).position,
    }
    assert list(json.loads(text)["runs"][0]) == list(good.list_item())


def test_a_ledger_without_runs_is_an_empty_list(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """That there are none is an answer, and no error."""
    EventLog.open(tmp_path).close()

    assert listed(capfd, "--dir", tmp_path) == "0 runs; as of position 1\n"
    found = json.loads(listed(capfd, "--dir", tmp_path, "--json"))
    assert found == {"runs": [], "total": 0, "position": 1}


def test_a_result_that_is_none_is_a_mistake(
    ledger: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The error lists the results there are."""
    assert main(["runs", "--dir", str(ledger), "--result", "passed"]) == 2
    told = capfd.readouterr().err
    assert told == "runfold: --result: 'passed' is not one of success, failed, stopped, running\n"
