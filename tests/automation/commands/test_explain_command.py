"""``runfold explain``: why a summary is as it is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ledger import EventLog, RunContext
from projections import RunHistory, RunSummary, explain
from tests.automation.commands.in_process import Answer, CommandLine
from tests.ledger.damage import flip
from tests.projections.ledgers import forge
from tests.projections.payloads import began, ended, started
from tests.projections.recorded import tell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a log with a run that has notes and failures, and two of similar ids."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        run = RunContext.start(
            log, pipeline="nightly", run_id="20260115-full", metadata={"team": "d\x1b[0mata" * 9}
        )
        with contextlib.suppress(ValueError), run:
            run.annotate("looked\x07 at it", actor="ops")
            for number in range(9):
                with run.stage(f"load/{number}"):
                    pass
            with run.stage("merge"):
                raise ValueError("row\n7")
        for name in ("20260116-a", "20260116-b"):
            RunContext.start(log, pipeline="p", run_id=name).end("success")
    return folder


@pytest.fixture
def command_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on that log."""
    return CommandLine(folder, capfd)


def row(answer: Answer, name: str) -> str:
    """Give the row of a field, with single spaces."""
    (found,) = [line for line in answer.out.splitlines() if line.startswith(f"{name} ")]
    return " ".join(found.split())


def test_each_field_is_a_row_in_order(command_line: CommandLine) -> None:
    """Its value, its positions and its rule; then that no event was ignored, and up to where."""
    answer = command_line("explain", "20260115")

    assert (answer.code, answer.err) == (0, "")
    head, *rows, blank, ignored, position = answer.out.splitlines()
    assert head.split() == ["field", "value", "set", "by", "before", "that", "rule"]
    assert [line.split()[0] for line in rows if line[0] != " "] == list(RunSummary.model_fields)
    assert row(answer, "result").startswith('result "failed" 24 that of the first run_ended')
    assert row(answer, "pipeline") == 'pipeline "nightly" 2 as run_started says'
    assert row(answer, "liveness").startswith("liveness null none set by no event, and null once")
    assert (blank, ignored) == ("", "no event of the run was ignored")
    assert position == "as of position 24, the last event of the run"


def test_long_values_and_lists_are_shortened(command_line: CommandLine) -> None:
    """A row stays a row, and what it leaves out is said; nothing acts on the terminal."""
    answer = command_line("explain", "20260115")

    assert "\x1b" not in answer.out
    assert "\x07" not in answer.out
    assert "… 2 that of run_started" in row(answer, "metadata")
    assert " 24 2, … 23 (22) the position of " in row(answer, "last_position")


def test_one_field_can_be_asked_for(command_line: CommandLine) -> None:
    """Only its row is there, and the ignored events."""
    answer = command_line("explain", "20260115-full", "result")

    assert answer.code == 0
    lines = answer.out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["field", "result", "", "no", "as"]


def test_ignored_events_have_their_rule(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A second end is listed with its position, type, rule and reason."""
    forge(tmp_path / "runs", tell(started("load"), began("load"), ended(), ended("failed", "late")))
    command_line = CommandLine(tmp_path / "runs", capfd)

    answer = command_line("explain", "run-1", "result")

    *_, head, ignored, _ = answer.out.splitlines()
    assert head.split() == ["ignored", "type", "rule", "reason"]
    assert ignored.split(maxsplit=3) == [
        "5",
        "run_ended",
        "second_end",
        "the run has already ended; the first result stands",
    ]
    assert answer.code == 0


def test_json_is_the_whole_explanation(folder: Path, command_line: CommandLine) -> None:
    """Values and positions in full, as ``projections.explain`` gives them."""
    with RunHistory(folder) as history:
        explanation = explain(history, "20260115-full")
    assert explanation is not None

    assert command_line("explain", "20260115", "--json").json == explanation.model_dump(mode="json")
    only = command_line("explain", "20260115", "notes", "--json").json
    assert only == explanation.only("notes").model_dump(mode="json")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["nope"], 3, "there is no run 'nope' in "),
        (["20260116"], 2, "several runs begin with '20260116': 20260116-a, 20260116-b"),
        (["a/b"], 2, "run id: 'a/b' is not one"),
        (["20260115", "resul"], 2, "field: 'resul' is none of run_id, started_at, ended_at, "),
        (["nope", "\x1b[2J"], 2, r"field: '\x1b[2J' is none of run_id, started_at, ended_at, "),
    ],
)
def test_what_is_not_there_is_told(
    command_line: CommandLine, arguments: list[str], code: int, line: str
) -> None:
    """Runs and fields that there are not, each in one line that says what there is."""
    answer = command_line("explain", *arguments)

    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith(f"runfold: {line}")


def test_a_damaged_run_is_not_explained(folder: Path, command_line: CommandLine) -> None:
    """Exit 4 and the place; another run is explained, and the damage told after it."""
    (segment,) = (folder / "events").iterdir()
    flip(segment, segment.read_bytes().index(b"stage_failed"))

    damaged = command_line("explain", "20260115")
    other = command_line("explain", "20260116-b", "result")

    assert (damaged.code, damaged.out) == (4, "")
    assert f"runfold: the log is damaged ({segment.name}, byte " in damaged.err
    assert (other.code, other.out.splitlines()[1].split()[:2]) == (4, ["result", '"success"'])
    assert other.err.startswith("runfold: out of reach: position ")
