"""How many runs began when: what is kept and counted equals what the runs themselves say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger import EventLog, NewEvent
from ledger.errors import InvalidEvent
from ledger.events import Result, RunEnded, RunStarted
from projections import RunHistory
from projections.pipelines.activity import Activity, list_activity
from tests.projections.payloads import WRITER

BEGIN = datetime(2026, 1, 15, 10, tzinfo=UTC)
EARLIEST, LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
RESULTS: tuple[Result | None, ...] = ("success", "failed", "stopped", None)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunHistory]:
    """Record 60 runs 17 minutes apart, of two pipelines and every result, and one of long ago."""
    folder = tmp_path_factory.mktemp("activity") / "runs"
    with EventLog.open(folder, durability="process") as log:
        for number in range(61):
            at = BEGIN + timedelta(minutes=17 * number)
            at = datetime(1969, 12, 31, 23, 30, tzinfo=UTC) if number == 60 else at
            run_id = f"run-{number}"
            started = RunStarted(pipeline=("nightly", "hourly")[number % 2], writer=WRITER)
            events = [NewEvent(started, run_id, occurred_at=at)]
            result = RESULTS[number % 4]
            if result is not None:
                ended = RunEnded(result=result, elapsed_seconds=1)
                events.append(NewEvent(ended, run_id, occurred_at=at))
            log.append_batch(events)
    with RunHistory(folder) as history:
        yield history


def counted(history: RunHistory, activity: Activity, pipeline: str | None) -> list[dict[str, int]]:
    """Count the runs of each slot one by one."""
    counts: list[Counter[str]] = [Counter() for _ in activity.counts]
    for run in history.list_runs(limit=100):
        assert run.started_at
        slot = (run.started_at - activity.begin) // activity.slot
        if 0 <= slot < len(counts) and pipeline in (None, run.pipeline):
            counts[slot][run.result or "running"] += 1
    return [dict(one) for one in counts]


@pytest.mark.parametrize("pipeline", [None, "nightly", "no-such"])
@pytest.mark.parametrize(
    ("after", "before", "slot"),
    [
        (None, None, timedelta(hours=24)),
        (BEGIN, None, timedelta(hours=1)),
        (BEGIN, BEGIN + timedelta(hours=1), timedelta(minutes=1)),
        (BEGIN + timedelta(minutes=3), BEGIN + timedelta(hours=9), timedelta(minutes=10)),
        (datetime(1969, 12, 1, tzinfo=UTC), BEGIN, timedelta(days=365)),
        (BEGIN - timedelta(days=3_650), BEGIN + timedelta(days=1), timedelta(days=90)),
        (datetime(1000, 1, 1, tzinfo=UTC), None, timedelta(days=5_279)),
        (EARLIEST, LATEST, timedelta(days=51_423)),
        (BEGIN, BEGIN, timedelta(seconds=1)),
    ],
)
def test_each_slot_holds_the_runs_that_began_in_it(
    history: RunHistory,
    pipeline: str | None,
    after: datetime | None,
    before: datetime | None,
    slot: timedelta,
) -> None:
    """In hours that are kept, and in finer slots that are counted; before 1970 too."""
    activity = list_activity(history, pipeline=pipeline, after=after, before=before)
    assert activity is not None
    assert activity.slot == slot
    assert [dict(one) for one in activity.counts] == counted(history, activity, pipeline)
    assert len(activity.counts) <= 72
    if after and before:
        assert activity.begin <= after
        assert activity.end >= before


def test_a_run_that_ends_is_counted_as_what_it_came_to(tmp_path: Path) -> None:
    """What is kept follows each change of a run."""
    with EventLog.open(tmp_path / "runs") as log, RunHistory(log.folder.path) as history:
        assert list_activity(history) is None
        # So long a range that the hours which are kept are asked, not the runs.
        after = datetime.now(UTC) - timedelta(days=2)
        log.append(NewEvent(RunStarted(pipeline="nightly", writer=WRITER), "run-1"))
        activity = list_activity(history, after=after)
        assert activity
        assert [dict(one) for one in activity.counts if one] == [{"running": 1}]
        log.append(NewEvent(RunEnded(result="failed", elapsed_seconds=1), "run-1"))
        activity = list_activity(history, after=after)
        assert activity
        assert [dict(one) for one in activity.counts if one] == [{"failed": 1}]


@pytest.mark.parametrize(
    "at", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
)
def test_a_run_at_the_end_of_the_calendar_is_no_obstacle(tmp_path: Path, at: datetime) -> None:
    """A clock that says nothing true hides nothing that is asked for, nor do such bounds."""
    started = RunStarted(pipeline="nightly", writer=WRITER)
    with EventLog.open(tmp_path / "runs") as log, RunHistory(log.folder.path) as history:
        log.append(NewEvent(started, "run-1", occurred_at=at))
        assert list_activity(history)
        log.append(NewEvent(started, "run-2", occurred_at=BEGIN))
        assert list_activity(history, after=at, before=at)
        lately = list_activity(history, after=BEGIN, before=BEGIN + timedelta(hours=1))
        assert lately
        assert [dict(one) for one in lately.counts if one] == [{"running": 1}]


def test_a_time_without_a_zone_is_refused(history: RunHistory) -> None:
    """The error names the argument."""
    with pytest.raises(InvalidEvent, match="after"):
        list_activity(history, after=datetime(2026, 1, 15))  # noqa: DTZ001 - what is refused
