"""``runfold export``: tables for other tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import EventLog, LogReader, RunContext
from ledger.disk.folder import LedgerFolder
from tests.automation.commands.in_process import CommandLine
from tests.ledger.damage import flip


@pytest.fixture
def command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on a ledger with three runs."""
    with EventLog.open(tmp_path / "runs") as log:
        with RunContext.start(log, pipeline="nightly", run_id="good") as run, run.stage("a"):
            pass
        RunContext.start(log, pipeline="nightly", run_id="bad").end("failed", "=cmd")
        RunContext.start(log, pipeline="hourly", run_id="open")
    return CommandLine(tmp_path / "runs", capfd)


def run_ids(text: str) -> list[str]:
    """Give the runs of JSON lines."""
    return [json.loads(line)["run_id"] for line in text.splitlines()]


def test_an_export_goes_to_stdout(command_line: CommandLine) -> None:
    """With nothing but data there; the position it reflects is said on stderr."""
    answer = command_line("export")

    position = LogReader(command_line.folder).position
    assert (answer.code, answer.err) == (0, f"runfold: runs as of position {position}\n")
    assert [line.split(",")[0] for line in answer.out.splitlines()] == [
        "\ufeffrun_id", "good", "bad", "open",
    ]  # fmt: skip
    assert ",'=cmd," in answer.out


def test_it_takes_the_filters_of_the_list(command_line: CommandLine) -> None:
    """The same options choose the same runs, or their attempts, or events."""
    for arguments in (["--result", "failed"], ["--running"], ["--stage", "a"], ["--as-of", "3"]):
        listed = command_line("runs", "--json", "--sort", "oldest", *arguments).json["runs"]
        exported = command_line("export", "--format", "jsonl", *arguments).out
        assert run_ids(exported) == [run["run_id"] for run in listed]
    stages = command_line(
        "export", "--what", "stages", "--format", "jsonl", "--pipeline", "nightly"
    )
    assert run_ids(stages.out) == ["good"]
    events = command_line(
        "export", "--what", "events", "--format", "jsonl",
        "--type", "run_started", "--pipeline", "nightly", "--after", "1", "--until", "5",
    )  # fmt: skip
    assert run_ids(events.out) == ["good"]
    lately = command_line(
        "export", "--what", "events", "--format", "jsonl", "--type", "run_ended", "--after", "1h"
    )
    assert run_ids(lately.out) == ["good", "bad"]
    assert command_line("export", "--format", "jsonl", "--as-of", "1h").out == ""
    of_run = command_line("export", "--what", "events", "--format", "jsonl", "--run", "ba")
    assert run_ids(of_run.out) == ["bad", "bad"]


def test_a_file_is_written_whole_or_not_at_all(command_line: CommandLine, tmp_path: Path) -> None:
    """Its ending names the format; a file that was there stays when the export fails."""
    out = tmp_path / "out" / "runs.parquet"
    out.parent.mkdir()

    answer = command_line("export", "-o", out, "--json")

    position = LogReader(command_line.folder).position
    assert answer.json == {
        "what": "runs", "format": "parquet", "position": position,
        "file": str(out), "bytes": out.stat().st_size,
    }  # fmt: skip
    assert answer.err == f"runfold: runs as of position {position} are in {out}\n"
    assert out.read_bytes()[:4] == b"PAR1"

    kept = out.with_suffix(".csv")
    kept.write_text("before")
    segment = LedgerFolder(command_line.folder).segment(1)
    flip(segment, segment.stat().st_size // 2)
    failed = command_line("export", "--what", "events", "-o", kept)
    assert (failed.code, failed.out, kept.read_text()) == (4, "", "before")
    assert sorted(path.name for path in out.parent.iterdir()) == ["runs.csv", "runs.parquet"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--format", "parquet"], 2, "--format: it needs -o FILE"),
        (["--json"], 2, "--json: it needs -o FILE"),
        (["--type", "run_started"], 2, "--type: it chooses events"),
        (["--after", "0"], 2, "--after: it chooses events"),
        (
            ["--what", "events", "--after", "1h", "--until", "2026-01-15"],
            2,
            "--as-of (--until): 2026-01-15T00:00:00Z is before --after, which is 20",
        ),
        (["--what", "events", "--running"], 2, "only --pipeline chooses events"),
        (["--what", "events", "--type", "run_begun"], 2, "no type of event"),
        (["--what", "events", "--run", "none"], 3, "none"),
        (["--as-of", "999"], 3, "does not reach position 999"),
        (
            ["-o", "runs.xlsx"],
            2,
            "runs.xlsx names none of csv, jsonl, parquet: say which by --format",
        ),
        (["-o", "/dev/null"], 2, "is no file"),
        (["-o", "/nowhere/at/all.csv"], 2, "/nowhere/at/all.csv: No such file"),
    ],
)
def test_what_cannot_be_is_told(
    command_line: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    """With its exit code, and before anything is written."""
    answer = command_line("export", *arguments)

    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


def test_a_ledger_must_be_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One that is not is not found, and one without runs has a header alone."""
    command_line = CommandLine(tmp_path / "runs", capfd)
    assert command_line("export").code == 3
    EventLog.open(tmp_path / "runs").close()

    assert len(command_line("export").out.splitlines()) == 1
