"""What keeps answers from being whole and up to date is told in numbers, as it is."""

from __future__ import annotations

from pathlib import Path

from ledger import EventLog, LogReader, RunContext
from projections import RunHistory
from projections.pipelines.pipeline_counts import pipeline_counts
from projections.read_model.readiness import Readiness, readiness


def record(folder: Path, pipeline: str) -> None:
    """Record a run of two events."""
    with EventLog.open(folder) as log, RunContext.start(log, pipeline=pipeline):
        pass


def test_the_lag_is_told_and_not_made_up(tmp_path: Path) -> None:
    """Without a view all is missing; asking does not build one; when it has caught up, nothing."""
    record(tmp_path, "nightly")
    reader = LogReader(tmp_path)
    assert [readiness(reader).lag_events for _ in range(2)] == [3, 3]
    with RunHistory(tmp_path) as history:
        history.catch_up()
    found = readiness(reader)
    assert (found.lag_events, found.position, found.reasons) == (0, 3, [])
    record(tmp_path, "nightly")
    assert readiness(reader).lag_events == 2


def test_each_reason_is_named() -> None:
    """A view far behind, parked events and damage are reasons; a short lag is none."""
    short = Readiness(position=20_000, lag_events=10, parked_events=0, damaged_positions=0)
    assert short.reasons == []
    update = {"lag_events": 10_001, "parked_events": 2, "damaged_positions": 1}
    assert len(short.model_copy(update=update).reasons) == 3


def test_pipelines_are_counted_by_result(tmp_path: Path) -> None:
    """Each pipeline with its runs, in order of the names, and when its last success ended."""
    for pipeline in ("nightly", "hourly", "nightly"):
        record(tmp_path, pipeline)
    with RunHistory(tmp_path) as history:
        found, position = pipeline_counts(history)
        newest = history.list_runs(limit=1)[0]
    assert [(each.pipeline, each.runs, each.success) for each in found] == [
        ("hourly", 1, 1),
        ("nightly", 2, 2),
    ]
    assert found[1].last_success == newest.ended_at
    assert position == 7
