"""Pipelines that are run and recorded, and what is refused."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from automation import (
    Pipeline,
    PipelineError,
    PipelineOrchestrator,
    ShellCommand,
    Stage,
)
from automation.errors import OrchestratorBusy
from ledger import LogReader, StageContext, current_run, current_stage
from ledger.errors import InvalidEvent, LedgerError, LedgerUnwritable, SequenceConflict
from projections.errors import ProjectionMissing
from tests.automation.examples import (
    FailsFirst,
    Told,
    nothing,
    pipeline_of,
    refuse,
)


def test_a_run_that_succeeds(orchestrator: PipelineOrchestrator) -> None:
    """All stages run in order, and the summary says what each did."""

    def translate(stage: StageContext) -> None:
        stage.metric("rows", stage.parameters["rows"] + 1)

    async def analyze(stage: StageContext) -> None:
        await asyncio.sleep(0)
        stage.metric("stage", getattr(current_stage(), "name", None))

    pipeline = Pipeline(
        "nightly",
        stages=[
            Stage("translate", translate),
            Stage("analyze", analyze),
            Stage("merge", ShellCommand("echo merged $RUNFOLD_PARAM_ROWS")),
        ],
        parameters={"rows": 3, "day": "today"},
        metadata={"team": "data"},
        code_version="abc",
    )

    summary = orchestrator.run(
        pipeline, parameters={"rows": 4}, metadata={"who": "me"}, run_id="r-1"
    )

    assert (summary.run_id, summary.result, summary.failure_reason) == ("r-1", "success", None)
    assert (summary.pipeline, summary.trigger, summary.code_version) == ("nightly", "a test", "abc")
    assert summary.stages_planned == summary.stages_executed == ("translate", "analyze", "merge")
    assert summary.parameters == {"rows": 4, "day": "today"}
    assert summary.metadata == {"team": "data", "who": "me"}
    assert [attempt.metrics for attempt in summary.attempts] == [
        {"rows": 5},
        {"stage": "analyze"},
        {},
    ]
    assert summary.attempts[2].output_tail == "merged 4\n"
    assert (summary.retry_count, summary.liveness) == (0, None)
    assert orchestrator.last_run == summary


def test_the_history_is_at_hand(orchestrator: PipelineOrchestrator) -> None:
    """After each run its summary is in the history, and a line of it in ``runs.jsonl``."""
    good = orchestrator.run(pipeline_of(a=nothing))
    bad = orchestrator.run(pipeline_of(a=refuse))

    successes = orchestrator.run_history.list_runs(limit=10, result_filter="success")
    lines = (orchestrator.run_history.reader.folder.runs_file).read_text().splitlines()

    assert successes == [good]
    assert [run.run_id for run in orchestrator.run_history.list_runs()] == [bad.run_id, good.run_id]
    assert [good.run_id in lines[0], bad.run_id in lines[1], len(lines)] == [True, True, 2]


def test_a_stage_without_retries_left_fails_the_run(orchestrator: PipelineOrchestrator) -> None:
    """The reason names the stage, its retries and the error; the rest is skipped."""
    summary = orchestrator.run(
        pipeline_of(
            before=nothing,
            translator=Stage("translator", refuse, retries=2),
            analyzer=nothing,
            merger=nothing,
        )
    )

    reason = "Stage translator failed after 2 retries: ValueError: a bad row"
    assert (summary.result, summary.failure_reason) == ("failed", reason)
    assert summary.stages_executed == ("before", "translator")
    assert summary.stages_failed == ("translator",)
    assert [(item.stage, item.reason) for item in summary.stages_skipped] == [
        ("analyzer", "translator failed"),
        ("merger", "translator failed"),
    ]
    assert [item.will_retry for item in summary.attempts] == [False, True, True, False]
    assert summary.anomalies == ()


def test_a_stage_that_asks_for_one_item_too_many_has_failed(
    orchestrator: PipelineOrchestrator,
) -> None:
    """What ``next`` raises of nothing is an exception like any other: recorded, tried again."""
    pipeline = Pipeline(
        "p",
        stages=[
            Stage("load", lambda: next(iter([])), retries=1, retry_delay=0),
            Stage("report", lambda: None),
        ],
    )

    summary = orchestrator.run(pipeline)

    assert summary.failure_reason == "Stage load failed after 1 retry: StopIteration"
    assert [item.stage for item in summary.stages_skipped] == ["report"]


def test_an_observer_is_told_of_each_step(orchestrator: PipelineOrchestrator) -> None:
    """It is told in order, with what was printed and how each attempt ended."""
    told = Told()

    orchestrator.run(
        pipeline_of(
            a=Stage("a", FailsFirst(1), retries=1), b=ShellCommand("echo hi"), c=refuse, d=nothing
        ),
        run_id="r",
        observer=told,
    )

    assert told.steps == [
        ("run", "r", "nightly"),
        ("a", 1),
        ("a", 1, "ValueError"),
        ("a", "waits"),
        ("a", 2),
        ("a", 2, "NoneType"),
        ("b", 1),
        ("b", 1, "NoneType"),
        ("c", 1),
        ("c", 1, "ValueError"),
        ("run", "failed"),
    ]
    assert told.output == b"b hi\n"


def test_without_an_observer_output_goes_to_stderr(
    orchestrator: PipelineOrchestrator, capfd: pytest.CaptureFixture[str]
) -> None:
    """What a shell stage prints is passed on, and stdout is left alone."""
    orchestrator.run(pipeline_of(a=ShellCommand("echo out; echo err >&2")))

    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "out\nerr\n")


def test_a_ledger_that_cannot_record_is_an_error(
    orchestrator: PipelineOrchestrator, tmp_path: Path
) -> None:
    """Nothing runs unrecorded: where the log is gone, the run raises, and is not retried."""
    tries: list[int] = []

    def removes_the_log(stage: StageContext) -> None:
        tries.append(stage.attempt)
        shutil.rmtree(tmp_path / "runs" / "events")

    with pytest.raises(LedgerError):
        orchestrator.run(pipeline_of(a=Stage("a", removes_the_log, retries=3), b=nothing))

    assert tries == [1]


@pytest.mark.parametrize("run_id", ["a/b", ".", "..", " ", "a\n", "a\x1b[2J", "../../x", "-x"])
def test_a_run_id_that_is_none_is_refused(
    orchestrator: PipelineOrchestrator, tmp_path: Path, run_id: str
) -> None:
    """Nothing is recorded, and no file is made from it."""

    def files() -> list[Path]:
        return sorted(path for path in tmp_path.rglob("*") if "read-models" not in path.parts)

    before = files()

    with pytest.raises(InvalidEvent, match=r"^run_id: "):
        orchestrator.run(pipeline_of(a=nothing), run_id=run_id)

    assert files() == before
    assert orchestrator.run_history.get_run_count() == 0


def test_a_run_id_is_used_once(orchestrator: PipelineOrchestrator) -> None:
    """A second run of the same id is refused, and the first stands."""
    first = orchestrator.run(pipeline_of(a=nothing), run_id="r")

    with pytest.raises(SequenceConflict):
        orchestrator.run(pipeline_of(a=refuse), run_id="r")

    assert orchestrator.run_history.get_run("r") == first


def test_a_parameter_that_the_pipeline_does_not_take_is_refused(
    orchestrator: PipelineOrchestrator,
) -> None:
    """Nothing runs, and nothing is recorded."""
    pipeline = Pipeline("p", stages=[Stage("a", nothing)], parameters={"day": ""})

    with pytest.raises(PipelineError, match=r"parameter dya: .* did you mean day\?"):
        orchestrator.run(pipeline, parameters={"dya": "x"})

    assert orchestrator.run_history.get_run_count() == 0


def test_one_orchestrator_runs_one_pipeline_at_a_time(orchestrator: PipelineOrchestrator) -> None:
    """A second run on the same one is refused; one on another of the same folder is fine."""
    folder = orchestrator.run_history.reader.folder.path

    def runs_others() -> None:
        with pytest.raises(OrchestratorBusy):
            orchestrator.run(pipeline_of(a=nothing))
        with PipelineOrchestrator(folder) as other:
            assert other.run(pipeline_of(a=nothing), run_id="inner").result == "success"

    assert orchestrator.run(pipeline_of(a=runs_others), run_id="outer").result == "success"
    assert orchestrator.run_history.get_run_count(result_filter="success") == 2


def test_a_stage_knows_its_run(orchestrator: PipelineOrchestrator) -> None:
    """Code deep inside a stage can find the run and annotate it."""

    def annotates() -> None:
        run = current_run()
        assert run is not None
        run.annotate("seen", rows=3)

    summary = orchestrator.run(pipeline_of(a=annotates))

    assert summary.metadata == {"rows": 3}
    assert current_run() is None


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Where a file lies in the folder's place, the error says so."""
    place = tmp_path / "runs"
    place.write_text("mine")

    with pytest.raises(LedgerUnwritable, match="it is a file, not a folder"):
        PipelineOrchestrator(place)

    assert place.read_text() == "mine"


def test_a_view_that_cannot_be_used_keeps_no_pipeline_from_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run is recorded, its summary made from the log, and the trouble with the view is told."""
    with PipelineOrchestrator(tmp_path) as orchestrator:
        orchestrator.run(Pipeline("before", stages=[Stage("load", nothing)]))
    with closing(sqlite3.connect(next((tmp_path / "read-models").glob("*.sqlite")))) as model:
        model.execute("INSERT INTO projections (name, version) VALUES ('gone', 3)")
        model.commit()

    with PipelineOrchestrator(tmp_path) as orchestrator:
        summary = orchestrator.run(Pipeline("nightly", stages=[Stage("load", nothing)]))

        with pytest.raises(ProjectionMissing):
            orchestrator.run_history.get_run_count()
    assert (summary.result, summary.pipeline) == ("success", "nightly")
    assert "gone 3, which is not installed here" in caplog.text
    assert [event.type for event in LogReader(tmp_path).read_run(summary.run_id)][-1] == "run_ended"
