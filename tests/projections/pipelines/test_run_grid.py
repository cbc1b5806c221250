"""Runs by stages, from runs that were really recorded."""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.events import EventData, StageCompleted
from projections import RunHistory
from projections.pipelines.run_grid import GridCell, run_grid
from tests.projections.ledgers import append
from tests.projections.payloads import (
    abandoned,
    began,
    done,
    ended,
    failed,
    skipped,
    started,
    stopped,
)
from tests.projections.recorded import tell

CUT_OFF = [started("load"), began("load"), abandoned(2)]
RETRIED = [started("load"), began("load"), failed("load", retry=True), began("load", 2)]


def record(folder: Path, *stories: list[EventData]) -> None:
    """Record runs that are called by their numbers."""
    append(
        folder,
        [
            event
            for number, story in enumerate(stories)
            for event in tell(*story, run_id=f"run-{number}")
        ],
    )


def test_each_stage_stands_as_its_last_attempt_does(tmp_path: Path) -> None:
    """With how many there were, and how long all took together."""
    record(
        tmp_path / "runs",
        [started("load", "merge", "report"), began("load"), stopped("load"), ended("stopped")],
        [*RETRIED, done("load", 2), skipped("merge"), ended()],
        CUT_OFF,
        [*RETRIED[:3], ended("failed", "no rows")],
        [*RETRIED],
    )
    with RunHistory(tmp_path / "runs") as history:
        grid = run_grid(history, "nightly", limit=10)

    assert [one.run.run_id for one in grid.runs] == [f"run-{number}" for number in range(5)]
    assert [dict(one.cells) for one in grid.runs] == [
        {
            "load": GridCell("stopped", 1, 0.125),
            "merge": GridCell("unreached"),
            "report": GridCell("unreached"),
        },
        {"load": GridCell("completed", 2, 0.75), "merge": GridCell("skipped")},
        {"load": GridCell("unfinished", 1, None)},
        {"load": GridCell("failed", 1, 0.25)},
        {"load": GridCell("running", 2, 0.25)},
    ]
    assert grid.stages == ["load", "merge", "report"]
    assert grid.before is None


def test_older_runs_follow_without_gap_or_repetition(tmp_path: Path) -> None:
    """Each page says where the one before it begins; other pipelines are not in the way."""
    stories = [[started("load", pipeline=name), ended()] for name in ("nightly", "other") * 5]
    record(tmp_path / "runs", *stories)
    seen: list[str] = []
    before = None
    with RunHistory(tmp_path / "runs") as history:
        while True:
            grid = run_grid(history, "nightly", limit=2, before=before)
            seen = [*[one.run.run_id for one in grid.runs], *seen]
            before = grid.before
            if before is None:
                break
        assert run_grid(history, "no-such", limit=2).runs == []
    assert seen == [f"run-{number}" for number in range(0, 10, 2)]


def test_the_longest_durations_come_to_a_number(tmp_path: Path) -> None:
    """Though together they are more than a float holds."""
    longest = StageCompleted(stage="load", attempt=1, elapsed_seconds=sys.float_info.max)
    again = longest.model_copy(update={"attempt": 2})
    record(tmp_path / "runs", [started(), began("load"), longest, began("load", 2), again])
    with RunHistory(tmp_path / "runs") as history:
        [run] = run_grid(history, "nightly", limit=10).runs

    assert run.cells["load"].seconds == sys.float_info.max
