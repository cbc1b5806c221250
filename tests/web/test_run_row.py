"""What the list shows of a run, from a run that was really recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ledger import EventLog, NewEvent, RunContext
from ledger.events import ImportedRun, RunImported
from projections import RunHistory
from web.run_row import RunRow, run_row

STAGES = ("translator", "analyzer", "merger")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """Make a ledger."""
    with EventLog.open(tmp_path / "runs") as log:
        yield log


def row_of(log: EventLog, *, after: timedelta = timedelta(0)) -> RunRow:
    """Give the row of the newest run, as it is some time after its start."""
    with RunHistory(log.folder.path) as history:
        [run] = history.list_runs(limit=1)
    assert run.started_at
    return run_row(run, run.started_at + after)


def states(row: RunRow) -> list[str]:
    """Give the states of the stages."""
    return [mark.state for mark in row.stages]


def test_a_run_that_goes_on(log: EventLog) -> None:
    """It shows how sure that is, how long it has gone on, and which stage runs."""
    run = RunContext.start(log, pipeline="nightly", stages=STAGES)
    with run.stage("translator"):
        pass
    run.skip("merger", "no input")
    run.stage("analyzer").__enter__()
    row = row_of(log, after=timedelta(minutes=3, seconds=5))
    assert (row.result, row.note, row.seconds, row.so_far) == ("running", "live", 185.0, True)
    assert states(row) == ["completed", "running", "skipped"]
    assert row.stage_label == "analyzer"
    assert row.stages_text == "translator completed, analyzer running, merger skipped"
    run.end("stopped")


def test_a_clock_that_was_set_back_gives_no_negative_duration(log: EventLog) -> None:
    """A run that seems to start in the future has gone on for no time."""
    run = RunContext.start(log, pipeline="nightly")
    assert row_of(log, after=timedelta(hours=-1)).seconds == 0.0
    run.end("success")


def test_a_run_that_succeeded_after_a_retry(log: EventLog) -> None:
    """It shows the retry, and counts its stages."""
    with RunContext.start(log, pipeline="nightly", stages=STAGES[:2]) as run:
        with suppress(OSError), run.stage("translator", retries_left=1):
            raise OSError
        for stage in STAGES[:2]:
            with run.stage(stage):
                pass
    row = row_of(log)
    assert (row.result, row.note, row.retries, row.reason) == ("success", None, 1, None)
    assert (states(row), row.stage_label) == (["completed", "completed"], "2 of 2")


def test_a_run_that_failed(log: EventLog) -> None:
    """It names the stage that failed, and gives the reason on one line of bounded length."""
    with (
        suppress(ValueError),
        RunContext.start(log, pipeline="nightly", stages=STAGES) as run,
        run.stage("translator"),
    ):
        raise ValueError("bad\n" + "x" * 10_000)
    row = row_of(log)
    assert (row.result, row.stage_label) == ("failed", "translator")
    assert states(row) == ["failed", "waiting", "waiting"]
    assert row.reason
    assert row.reason.startswith("Stage translator failed: ValueError: bad xxx")
    assert len(row.reason) == 300


def test_a_run_of_many_stages(log: EventLog) -> None:
    """Twelve are drawn and the others counted."""
    names = [f"part-{number}" for number in range(30)]
    with RunContext.start(log, pipeline="nightly", stages=names):
        pass
    row = row_of(log)
    assert (len(row.stages), row.more_stages, row.stage_label) == (12, 18, "0 of 30")


def test_a_run_from_elsewhere(log: EventLog) -> None:
    """An imported run has no pipeline and no attempts; its stages still show how they ended."""
    began = datetime.fromisoformat("2026-01-15T10:00:00Z")
    summary = ImportedRun(
        run_id="old-1",
        started_at=began,
        ended_at=None,
        result="failed",
        failure_reason=None,
        stages_executed=("a", "b"),
        stages_failed=("b",),
        retry_count=0,
        metadata={},
    )
    log.append(NewEvent(RunImported(summary=summary, source="a file"), "old-1"))
    row = row_of(log)
    assert (row.pipeline, row.seconds, row.started_at) == (None, None, began)
    assert (states(row), row.stage_label) == (["completed", "failed"], "b")
