"""How pipelines stand, told from their last runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import EventData
from projections import RunHistory
from projections.pipelines.recent_runs import (
    LAST_RUNS,
    RecentRun,
    RecentRuns,
    pipeline_now,
    recent_runs,
    runs_going_on,
)
from tests.projections.ledgers import append
from tests.projections.payloads import abandoned, began, done, ended, imported, started
from tests.projections.recorded import at, tell


def recent(*runs: tuple[str | None, float | None]) -> RecentRuns:
    """Make the last runs of a pipeline from their results and durations."""
    return RecentRuns(
        tuple(
            RecentRun(f"run-{number}", result, at(number), seconds, given_up=False)
            for number, (result, seconds) in enumerate(runs)
        )
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Record runs of three pipelines, more than are looked at of one, and one without any."""
    stories: dict[str, list[EventData]] = {
        "a-1": [started(pipeline="a"), ended()],
        "a-2": [started(pipeline="a"), ended("failed", "no rows")],
        "a-3": [started(pipeline="a"), abandoned(1)],
        "a-4": [started("load", "merge", pipeline="a"), began("load"), done("load")],
        "old": [imported("success")],
        **{f"b-{n}": [started(pipeline="b"), ended()] for n in range(LAST_RUNS + 2)},
        "c-1": [started(pipeline="c"), ended("stopped")],
    }
    events = [event for name, run in stories.items() for event in tell(*run, run_id=name)]
    append(tmp_path / "runs", events)
    return tmp_path / "runs"


def test_each_pipeline_is_told_from_its_own_last_runs(folder: Path) -> None:
    """In the order of the log, the newest last; those without a pipeline come at the end."""
    with RunHistory(folder) as history:
        a, b, c, none = recent_runs(history)
        assert [one.counts.pipeline for one in (a, b, c, none)] == ["a", "b", "c", None]
        assert [(run.run_id, run.result, run.given_up) for run in a.recent.runs] == [
            ("a-1", "success", False),
            ("a-2", "failed", False),
            ("a-3", "failed", True),
            ("a-4", None, False),
        ]
        assert [run.run_id for run in a.recent.failing] == ["a-3", "a-2"]
        assert a.reason == history.get_run("a-3").failure_reason  # type: ignore[union-attr] # it is there
        assert [run.run_id for run in b.recent.runs] == [f"b-{n + 2}" for n in range(LAST_RUNS)]
        assert b.counts.runs == LAST_RUNS + 2
        assert (b.reason, c.recent.failing) == (None, [])
        assert [run.run_id for run in none.recent.runs] == ["old"]


def test_one_pipeline_stands_as_it_does_among_all(folder: Path) -> None:
    """Asked for alone it is the same; an unknown one is none."""
    with RunHistory(folder) as history:
        found = {one.counts.pipeline: one for one in recent_runs(history)}
        for name in ("a", "b", "c"):
            assert pipeline_now(history, name) == found[name]
        assert pipeline_now(history, "no-such") is None


def test_runs_that_go_on_come_with_what_they_have_done(folder: Path) -> None:
    """They have their attempts, and a liveness as of the time that is given."""
    with RunHistory(folder) as history:
        [run] = runs_going_on(history, at(10), limit=5)
        assert (run.run_id, run.stages_planned) == ("a-4", ("load", "merge"))
        assert [attempt.stage for attempt in run.attempts] == ["load"]
        assert run.liveness is not None


def test_what_the_last_runs_come_to() -> None:
    """What goes on counts for nothing, and only successes say how long it usually takes."""
    runs = recent(("success", 2.0), ("failed", 90.0), ("success", 4.0), (None, None))
    assert runs.success_rate == pytest.approx(2 / 3)
    assert runs.usual_seconds == 3.0
    assert (runs.trend, runs.failing) == (None, [])
    assert recent((None, None)).success_rate is None
    assert recent(("failed", 1.0)).usual_seconds is None


def test_the_trend_is_that_of_the_later_half() -> None:
    """It is told of ten successes or more, and of the same number on both sides."""
    early = [("success", 2.0)] * 6
    slower = [*early, ("failed", 70.0), ("success", 999.0), *[("success", 3.0)] * 6]
    assert recent(*slower).trend == 1.5
    assert recent(*[("success", 2.0)] * 9).trend is None
    assert recent(*[("success", 0.0)] * 12).trend is None
    mixed = [("success", seconds) for seconds in (1.0, 1.0, 1.0, 1.0, 4.0, 4.0, 4.0) * 2]
    assert recent(*mixed).trend == 1.0
    longest = recent(*[("success", sys.float_info.max)] * 12)
    assert (longest.usual_seconds, longest.trend) == (sys.float_info.max, 1.0)


@given(st.lists(st.sampled_from(["success", "failed", "stopped", None]), max_size=12))
def test_failing_are_the_failed_ones_at_the_end(results: list[str | None]) -> None:
    """Nothing that ended otherwise lies behind any of them, and the one before did."""
    failing = recent(*[(result, 1.0) for result in results]).failing
    ended_so = [result for result in results if result is not None]
    number = len(failing)
    assert ended_so[len(ended_so) - number :] == ["failed"] * number
    assert number == len(ended_so) or ended_so[-number - 1] != "failed"
