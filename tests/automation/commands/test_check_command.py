"""``runfold check``: quiet where all is as expected, a line for each finding where it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from automation.commands.printing.finding_words import finding_line, span_text
from ledger import EventLog, LogReader, RunContext
from ledger.disk.folder import LedgerFolder
from projections.pipelines.freshness import Finding, FindingKind
from tests.automation.commands.in_process import CommandLine
from tests.ledger.damage import flip
from tests.projections.ledgers import append
from tests.projections.payloads import ended, started
from tests.projections.recorded import at, tell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a ledger with a success of just now, and one of January."""
    folder = tmp_path / "runs"
    append(folder, tell(started(pipeline="january"), ended(), run_id="old"))
    with EventLog.open(folder) as log, RunContext.start(log, pipeline="nightly", run_id="new"):
        pass
    return folder


@pytest.fixture
def command_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on that ledger."""
    return CommandLine(folder, capfd)


def test_where_all_is_as_expected_one_line_says_so(command_line: CommandLine, folder: Path) -> None:
    """Or none, for cron, which mails whatever is printed."""
    position = LogReader(folder).position

    answer = command_line("check")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"2 pipelines are as expected; as of position {position}\n"
    fresh = command_line("check", "--pipeline", "nightly", "--within", "1h", "--quiet")
    assert (fresh.code, fresh.out, fresh.err) == (0, "", "")


def test_each_finding_is_a_line(command_line: CommandLine) -> None:
    """With the exit code 1; a pipeline that is named and has no run is one."""
    answer = command_line("check", "--within", "1h", "-q")
    named = command_line("check", "--pipeline", "nihgtly", "--pipeline", "nightly")

    assert (answer.code, answer.err) == (1, "")
    assert answer.out.startswith("january: the last success ended ")
    assert answer.out.endswith(
        ", at 2026-01-15 10:00:01Z (run old); 1 h is allowed; as of position 5\n"
    )
    said = "nihgtly: there is no run of this pipeline; as of position 5\n"
    assert (named.code, named.out) == (1, said)


def test_json_is_the_report(command_line: CommandLine, folder: Path) -> None:
    """With the position, and the pipelines that were looked at."""
    answer = command_line("check", "--within", "1h", "--json")

    (finding,) = answer.json["findings"]
    assert answer.code == 1
    assert finding["kind"] == "too_old"
    assert finding["pipeline"] == "january"
    assert finding["allowed_seconds"] == 3600
    assert answer.json["pipelines"] == ["january", "nightly"]
    assert answer.json["position"] == LogReader(folder).position


def test_expectations_live_in_a_file(command_line: CommandLine, tmp_path: Path) -> None:
    """Options go before them; the folder may stand there, too."""
    file = tmp_path / "expected.toml"
    file.write_text('[ledger]\ndir = "runs"\n[check.pipelines.january]\nwithin = "2d"\n')

    def check(*arguments: str) -> int:
        return command_line("check", "--config", file, *arguments, on_folder=False).code

    assert check() == check("--pipeline", "january") == 1
    assert check("--pipeline", "nightly") == 0
    assert check("--within", "99999w") == 0
    file.write_text("[check.pipelines.january]\nwihtin = '2d'\n")
    answer = command_line("check", "--config", file)
    assert (answer.code, answer.out) == (2, "")
    assert f"{file}: check.pipelines.january.wihtin: there is no such setting" in answer.err


def test_the_folder_of_the_file_serves_every_command(
    command_line: CommandLine, tmp_path: Path
) -> None:
    """Behind --dir and RUNFOLD_DIR."""
    file = tmp_path / "runfold.toml"
    file.write_text('[ledger]\ndir = "runs"\n')
    os.environ["RUNFOLD_CONFIG"] = str(file)
    try:
        assert "new" in command_line("runs", on_folder=False).out
        elsewhere = command_line("runs", "--dir", tmp_path / "none", on_folder=False)
        os.environ["RUNFOLD_DIR"] = str(tmp_path / "neither")
        neither = command_line("runs", on_folder=False)
    finally:
        del os.environ["RUNFOLD_CONFIG"]
        os.environ.pop("RUNFOLD_DIR", None)
    assert (elsewhere.code, neither.code) == (3, 3)
    assert str(tmp_path / "none") in elsewhere.err
    assert str(tmp_path / "neither") in neither.err


def test_an_empty_ledger_is_fine_unless_a_success_is_expected(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A folder without a ledger is not there."""
    command_line = CommandLine(tmp_path / "none", capfd)
    assert command_line("check").code == 3
    with EventLog.open(tmp_path / "none"):
        pass

    assert command_line("check").out == "no pipeline has run yet; as of position 1\n"
    answer = command_line("check", "--within", "1h")
    assert (answer.code, answer.out) == (1, "the ledger: there is no run yet; as of position 1\n")


def test_a_run_that_goes_on_for_too_long_is_found(command_line: CommandLine, folder: Path) -> None:
    """As long as its writer lives; one that has just begun is not."""
    with EventLog.open(folder) as log, RunContext.start(log, pipeline="hourly", run_id="on"):
        assert command_line("check", "--max-duration", "1h").code == 0


@pytest.mark.parametrize("arguments", [["--within", "soon"], ["--max-duration", "9"]])
def test_what_is_no_length_of_time_is_told(command_line: CommandLine, arguments: list[str]) -> None:
    """The option is named."""
    answer = command_line("check", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert f"{arguments[0]}: '{arguments[1]}' is no length of time" in answer.err


def test_damage_is_told_with_what_was_found(command_line: CommandLine, folder: Path) -> None:
    """With the exit code of a damaged log."""
    segment = LedgerFolder(folder).segment(1)
    flip(segment, segment.stat().st_size - 200)

    answer = command_line("check", "--pipeline", "january")

    assert answer.code == 4
    assert "1 pipeline is as expected" in answer.out
    assert "out of reach" in answer.err


LINES: dict[FindingKind, str] = {
    "no_run": "nightly: there is no run of this pipeline",
    "no_success": "nightly: no run has ever succeeded",
    "too_old": "nightly: the last success ended 1 d 3 h ago, at 2026-01-15 10:00:00Z (run x);"
    " 1 h is allowed",
    "ahead": "nightly: the last success says that it ended 1 d 3 h from now, at"
    " 2026-01-15 10:00:00Z (run x): a clock is wrong",
    "presumed_dead": "nightly: run x is presumed dead, last heard of at 2026-01-15 10:00:00Z",
    "too_long": "nightly: run x goes on for 1 d 3 h, since 2026-01-15 10:00:00Z; 1 h is allowed",
    "regression": "nightly: stage load of run x took 1 d 3 h, usually it takes 1 h: 27.0 times",
}


@pytest.mark.parametrize("kind", LINES)
def test_each_kind_of_finding_is_said(kind: FindingKind) -> None:
    """In one line that names the pipeline, the run, what is allowed, and the position."""
    finding = Finding(
        kind=kind,
        pipeline="nightly",
        run_id="x",
        stage="load",
        at=at(0),
        seconds=27 * 3600,
        allowed_seconds=3600,
    )

    assert finding_line(finding, 7) == f"{LINES[kind]}; as of position 7"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.6, "1 min"), (3_660, "1 h 1 min"), (90_061, "1 d 1 h"), (86_400, "1 d")],
)
def test_a_length_of_time_is_said_by_its_largest_units(seconds: float, text: str) -> None:
    """Two of them."""
    assert span_text(seconds) == text
