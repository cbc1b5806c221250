"""``runfold compare``: two runs side by side, as tables, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from automation.commands.printing.comparison_markdown import comparison_markdown
from ledger import EventLog
from ledger.events import (
    ErrorInfo,
    EventData,
    RunEnded,
    RunStarted,
    StageCompleted,
    StageFailed,
    StageSkipped,
)
from projections import RunHistory
from projections.comparing.compared_runs import compare_recorded
from projections.comparing.run_comparison import RunComparison, compare_runs
from projections.runs.run_fold import fold, initial, summarize
from projections.statistics.baselines import Baseline, Usual
from tests.automation.commands.in_process import CommandLine
from tests.projections.ledgers import append
from tests.projections.payloads import WRITER, began, imported, skipped
from tests.projections.recorded import record, replayed, tell

GOLDEN = Path(__file__).parents[2] / "golden" / "comparison.md"
HOSTILE = "no [b]rows[/b]\x1b[2J | `x`\n@anna <img src=x> \u202e7"


def start(day: int, **metadata: object) -> RunStarted:
    """Start a run of three stages."""
    return RunStarted(
        pipeline="nightly",
        stages=("load", "check", "merge"),
        parameters={"day": f"2026-01-{day}"},
        metadata=metadata,
        writer=WRITER,
        code_version=f"1.{day}",
    )


def took(seconds: float, stage: str, attempt: int = 1, **metrics: object) -> StageCompleted:
    """End an attempt well after some time."""
    return StageCompleted(stage=stage, attempt=attempt, metrics=metrics, elapsed_seconds=seconds)


GOOD: Sequence[EventData] = [
    start(15, team="data", checked="5"),
    began("load"),
    took(61, "load", rows=40, file="a|b.csv"),
    began("check"),
    took(0.2, "check"),
    began("merge"),
    took(2.5, "merge"),
    RunEnded(result="success", elapsed_seconds=64),
]
BAD: Sequence[EventData] = [
    start(16, team="data", checked=5),
    began("load"),
    StageFailed(
        stage="load",
        attempt=1,
        error=ErrorInfo(type="TimeoutError", message="no answer"),
        will_retry=True,
        elapsed_seconds=30,
    ),
    began("load", 2),
    took(90.5, "load", 2, rows=7),
    skipped("check"),
    began("merge"),
    StageFailed(
        stage="merge",
        attempt=1,
        error=ErrorInfo(type="ValueError", message=HOSTILE),
        elapsed_seconds=1,
    ),
    RunEnded(result="failed", failure_reason=f"Stage merge failed: {HOSTILE}", elapsed_seconds=125),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a ledger with a success, a failure after it, and an imported run."""
    folder = tmp_path_factory.mktemp("log") / "runs"
    told = {"20260115-x": GOOD, "20260116-y": BAD, "old": [imported()]}
    append(folder, [event for name, run in told.items() for event in tell(*run, run_id=name)])
    return folder


@pytest.fixture
def command_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on that ledger."""
    return CommandLine(folder, capfd)


def golden_comparison(
    good_run: Sequence[EventData] = GOOD, bad_run: Sequence[EventData] = BAD
) -> RunComparison:
    """Compare the failure with the success, where it is known what is usual."""
    events = [*tell(*good_run, run_id="20260115-x"), *tell(*bad_run, run_id="20260116-y")]
    log = replayed(record(events))
    good, bad = (
        [event for event in log if event.run_id == name] for name in ("20260115-x", "20260116-y")
    )
    return compare_runs(
        summarize(fold(bad, initial("20260116-y"))),
        summarize(fold(good, initial("20260115-x"))),
        bad,
        good,
        position=18,
        baseline=Baseline(
            run=Usual(median=64, spread=3, successes=20),
            stages={"load": Usual(median=60, spread=2.5, successes=20)},
        ),
    )


def test_markdown_is_as_it_was_agreed() -> None:
    """Made to be pasted: what it says is in code spans, and nothing of it acts."""
    assert comparison_markdown(golden_comparison().differences()) == GOLDEN.read_text()


def test_a_stage_that_neither_run_tried_has_no_attempt() -> None:
    """It was skipped in both: that is told of the stage, not of a first try."""
    runs = [[start(day), StageSkipped(stage="check", reason=f"day {day}")] for day in (15, 16)]

    told = comparison_markdown(golden_comparison(*runs).differences())

    assert "| `reason` | `check` | `day 16` | `day 15` |" in told
    assert "| `check` | - | `skipped` | `skipped` |" in told


def test_differences_are_a_table(command_line: CommandLine) -> None:
    """What is the same is left out; nothing acts on a terminal."""
    answer = command_line("compare", "20260116")

    assert (answer.code, answer.err) == (0, "")
    lines = [line.split() for line in answer.out.splitlines()]
    assert lines[1][:4] == ["A", "20260116-y", "nightly", "failed"]
    assert lines[2][:4] == ["B", "20260115-x", "nightly", "success"]
    assert ["metadata", "checked", "5", '"5"'] in lines
    assert ["parameter", "day", "2026-01-16", "2026-01-15"] in lines
    assert ["load", "2", "success", "-", "1", "min", "30", "s"] in [line[:8] for line in lines]
    assert ["check", "1", "skipped", "success", "200", "ms"] in [line[:6] for line in lines]
    assert ["A", "stage_failed", "12", "load", "1", "TimeoutError"] in lines
    assert "The runs part after 2 events. Of each, the first" in answer.out
    assert r"no [b]rows[/b]\x1b[2J | `x` @anna <img src=x> \u202e7" in answer.out
    assert "team" not in answer.out
    assert "\x1b" not in answer.out
    assert answer.out.endswith("as of position 19\n")


def test_all_shows_what_is_the_same_too(command_line: CommandLine) -> None:
    """And a run compared with itself has nothing else."""
    assert "team" in command_line("compare", "20260116", "20260115", "--all").out
    same = command_line("compare", "old", "old").out
    assert "Nothing differs but times.\n" in same
    assert "summary" not in same
    assert "imported_from" in command_line("compare", "old", "old", "--all").out


def test_json_and_markdown_are_what_python_gives(command_line: CommandLine, folder: Path) -> None:
    """Differences only, unless all is asked for."""
    with RunHistory(folder) as history:
        expected = compare_recorded(history, "20260116-y", "20260115-x")
    assert expected is not None

    every = command_line("compare", "20260116", "--json", "--all")

    assert every.json == expected.model_dump(mode="json")
    shown = expected.differences()
    assert command_line("compare", "20260116", "--json").json == shown.model_dump(mode="json")
    assert command_line("compare", "20260116", "--markdown").out == comparison_markdown(shown)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["20260115"], 3, "no run of nightly before it succeeded; name a second run"),
        (["old"], 3, "it is not known of which pipeline it is; name a second run"),
        (["nope"], 3, "there is no run 'nope'"),
        (["old", "nope"], 3, "there is no run 'nope'"),
        (["2026011"], 2, "several runs begin with '2026011'"),
        (["a/b"], 2, "run id: 'a/b' is not one"),
        (["old", "old", "--json", "--markdown"], 2, "--markdown: not together with --json"),
        ([], 2, "Missing argument 'A'"),
    ],
)
def test_what_cannot_be_compared_is_told(
    command_line: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    """Unknown and ambiguous ids, and where there is nothing to compare with."""
    answer = command_line("compare", *arguments)

    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


def test_an_empty_ledger_has_no_run_to_compare(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor has a folder without a ledger."""
    command_line = CommandLine(tmp_path / "runs", capfd)
    assert command_line("compare", "x").code == 3
    with EventLog.open(tmp_path / "runs"):
        pass

    assert "there is no run 'x'" in command_line("compare", "x").err
