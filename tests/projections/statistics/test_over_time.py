"""The statistics: what a count of the raw events by hand comes to, in any zone and any pieces."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger import NewEvent
from ledger.errors import InvalidEvent
from ledger.events import EventData, RunEnded, StageCompleted
from projections import RunHistory
from projections.statistics.flaky import flaky_stages
from projections.statistics.over_time import Figures, Statistics, statistics
from projections.statistics.time_buckets import TimeBucket
from projections.testing import lines_of, write_log
from tests.ledger.strategies import valid_runs
from tests.projections.payloads import (
    abandoned,
    annotated,
    began,
    done,
    ended,
    failed,
    imported,
    skipped,
    started,
    stopped,
)
from tests.projections.recorded import at

ENDS = {"stage_completed": "success", "stage_failed": "failed", "stage_stopped": "stopped"}
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham")
BEGIN = at(0)
Counted = dict[tuple[str | None, str | None, Any], dict[str, Any]]


def asked(folder: Path, events: Sequence[NewEvent], **question: Any) -> Statistics:
    """Write a log of events, and ask it."""
    write_log(folder, lines_of(events))
    with RunHistory(folder) as history:
        return statistics(history, **question)


def told(*events: EventData, run_id: str = "run-1", begin: datetime = BEGIN) -> list[NewEvent]:
    """Make the events of one run, a minute apart."""
    return [
        NewEvent(data, run_id, occurred_at=begin + timedelta(minutes=minute))
        for minute, data in enumerate(events)
    ]


def by_hand(events: Iterable[NewEvent], label: Any) -> Counted:
    """Count raw events, which are legal, one run after the other."""
    counted: Counted = defaultdict(lambda: {"results": [], "retries": 0, "flaky": 0, "took": []})
    runs: dict[str, list[NewEvent]] = defaultdict(list)
    for event in events:
        if event.run_id is not None:
            runs[event.run_id].append(event)
    for run in runs.values():
        _count_run(run, counted, label)
    return counted


def stage_of(event: NewEvent) -> str:
    """Name the stage that an event is about."""
    data: Any = event.data
    return str(data.stage)


def _count_run(run: Sequence[NewEvent], counted: Counted, label: Any) -> None:
    begun: Any = run[0].data
    pipeline = getattr(begun, "pipeline", None)
    ends = [event for event in run if event.data.type in ENDS]
    flaky_stages = 0
    for stage in {stage_of(event) for event in ends}:
        tries = [event for event in ends if stage_of(event) == stage]
        for event in tries:
            data: Any = event.data
            counts = counted[pipeline, stage, label(event.occurred_at)]
            counts["took"].append(data.elapsed_seconds)
            counts["retries"] += data.attempt > 1
        results = [ENDS[event.data.type] for event in tries]
        counts["results"].append(results[-1])
        is_flaky = results[-1] == "success" and "failed" in results
        counts["flaky"] += is_flaky
        flaky_stages += is_flaky
    for event in run:
        data = event.data
        if data.type == "run_ended":
            counts = counted[pipeline, None, label(event.occurred_at)]
            counts["took"].append(data.elapsed_seconds)
            started_again: list[Any] = [one.data for one in run if one.data.type == "stage_started"]
            counts["retries"] += sum(one.attempt > 1 for one in started_again)
        elif data.type == "run_imported" and data.summary.ended_at and data.summary.result:
            summary = data.summary
            data = summary
            counts = counted[pipeline, None, label(summary.ended_at)]
            if summary.ended_at >= summary.started_at:
                counts["took"].append((summary.ended_at - summary.started_at).total_seconds())
            counts["retries"] += min(summary.retry_count, 1_000_000)
        else:
            continue
        counts["results"].append(data.result)
        counts["flaky"] += flaky_stages > 0


def check(figures: Figures, counts: dict[str, Any]) -> None:
    """Compare figures with what was counted by hand."""
    results, took = counts["results"], sorted(counts["took"])
    assert figures.runs == len(results)
    assert [figures.succeeded, figures.failed, figures.stopped] == [
        results.count(result) for result in ("success", "failed", "stopped")
    ]
    rate = results.count("success") / len(results) if results else None
    assert figures.success_rate == rate
    assert (figures.retries, figures.flaky) == (counts["retries"], counts["flaky"])
    assert (figures.duration is None) == (not took)
    if figures.duration is not None:
        assert (figures.duration.count, figures.duration.max) == (len(took), took[-1])
        for share in (50, 90, 95, 99):
            exact = took[ceil(share / 100 * len(took)) - 1]
            assert getattr(figures.duration, f"p{share}") == pytest.approx(exact, rel=0.01, abs=0)


def flat(found: Statistics, label: Any) -> dict[Any, Figures]:
    """Give the figures of each bucket."""
    return {
        (pipeline.pipeline, stage, label(bucket.begin)): bucket.figures
        for pipeline in found.pipelines
        for stage, buckets in [
            (None, pipeline.buckets),
            *((one.stage, one.buckets) for one in pipeline.stages),
        ]
        for bucket in buckets
    }


def label_of(bucket: TimeBucket, zone: tzinfo) -> Any:
    """Give what tells the days or the hours of a zone apart."""

    def label(moment: datetime) -> Any:
        there = moment.astimezone(zone)
        return there.date() if bucket == "day" else (there.date(), there.hour, there.utcoffset())

    return label


@settings(max_examples=25)
@given(
    valid_runs(),
    st.sampled_from(["day", "hour"]),
    st.sampled_from(ZONES),
)
def test_statistics_are_what_is_counted_by_hand(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[NewEvent],
    bucket: TimeBucket,
    zone: str,
) -> None:
    """Of any legal history, each bucket and the whole, whatever the zone."""
    label = label_of(bucket, ZoneInfo(zone))
    folder = tmp_path_factory.mktemp("any") / "ledger"
    found = asked(folder, events, bucket=bucket, timezone=zone)

    expected, figures = by_hand(events, label), flat(found, label)
    assert figures.keys() == expected.keys()
    for key, counts in expected.items():
        check(figures[key], counts)
    whole = by_hand(events, lambda _: None)
    for pipeline in found.pipelines:
        if (pipeline.pipeline, None, None) in whole:
            check(pipeline.total, whole[pipeline.pipeline, None, None])
        for stage in pipeline.stages:
            check(stage.total, whole[pipeline.pipeline, stage.stage, None])


@settings(max_examples=20)
@given(valid_runs(), st.data(), st.sampled_from(["day", "hour"]), st.sampled_from(ZONES))
def test_a_time_is_cut_in_two_anywhere(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[NewEvent],
    data: st.DataObject,
    bucket: TimeBucket,
    zone: str,
) -> None:
    """What ended before a moment, and what ended from then on, come to the whole, bucket by bucket.

    The moment is one in the middle of buckets, too.
    """
    cut = data.draw(st.sampled_from([event.occurred_at for event in events]))
    cut = datetime.fromtimestamp(cut.timestamp() // 900 * 900, UTC)
    cut += timedelta(minutes=data.draw(st.sampled_from([0, 15, 300, -720])))
    folder = tmp_path_factory.mktemp("any") / "ledger"
    whole = asked(folder, events, bucket=bucket, timezone=zone)
    with RunHistory(folder) as history:
        before = statistics(history, until=cut, bucket=bucket, timezone=zone)
        after = statistics(history, since=cut, bucket=bucket, timezone=zone)

    for part, is_before in ((before, True), (after, False)):
        for figures_bucket in (one for found in part.pipelines for one in found.buckets):
            assert figures_bucket.figures.runs > 0
            assert figures_bucket.begin < cut if is_before else figures_bucket.end > cut
    counted = [
        Counter(
            {
                (pipeline, stage, begin, name): getattr(figures, name)
                for (pipeline, stage, begin), figures in flat(found, lambda begin: begin).items()
                for name in ("runs", "succeeded", "failed", "stopped", "retries", "flaky")
            }
        )
        for found in (whole, before, after)
    ]
    assert counted[0] == counted[1] + counted[2]


def test_a_day_that_was_over_before_the_time_is_not_counted(tmp_path: Path) -> None:
    """In New York the day before ends within the day of UTC in which the time begins."""
    noon = datetime(2026, 1, 15, 12, tzinfo=UTC)
    events = [
        event
        for hour in range(0, 24, 3)
        for event in told(
            started(), ended(), run_id=f"run-{hour}", begin=noon + timedelta(hours=hour - 12)
        )
    ]

    found = asked(tmp_path / "ledger", events, since=noon, timezone="America/New_York")

    (pipeline,) = found.pipelines
    assert [(day.begin.day, day.figures.runs) for day in pipeline.buckets] == [(15, 4)]
    assert pipeline.total.runs == 4


def test_a_stage_that_failed_and_passed_is_flaky(tmp_path: Path) -> None:
    """Not one that failed for good, nor one that passed twice."""
    flaky = told(
        started(),
        *(began("load"), failed("load", retry=True), began("load", 2), done("load", 2)),
        *(began("sum"), done("sum"), began("sum", 2), done("sum", 2), skipped("report"), ended()),
    )
    broken = told(
        started(),
        *(began("load"), failed("load", retry=True), began("load", 2), failed("load", 2)),
        ended("failed"),
        run_id="run-2",
    )

    found = asked(tmp_path / "ledger", [*flaky, *broken])

    (pipeline,) = found.pipelines
    assert (pipeline.total.runs, pipeline.total.flaky, pipeline.total.retries) == (2, 1, 3)
    assert pipeline.total.success_rate == 0.5
    assert [stage.stage for stage in pipeline.stages] == ["load", "sum"]
    (listed,) = flaky_stages(found)
    assert listed.model_dump() == {
        "pipeline": "nightly",
        "stage": "load",
        "flaky": 1,
        "runs": 2,
        "share": 0.5,
        "retries": 2,
    }


def test_only_real_ends_count(tmp_path: Path) -> None:
    """Of a run that goes on or is presumed dead the attempts that ended count, not the run."""
    running = told(started(), began("load"), done("load"), began("sum"))
    dead = told(started(), began("load"), stopped("load"), abandoned(3), run_id="run-2")
    bare = told(started(), ended(), annotated("late"), run_id="run-3")
    elsewhere = told(imported(), run_id="run-4")
    going_on = told(imported(None), run_id="run-5")

    found = asked(tmp_path / "ledger", [*running, *dead, *bare, *elsewhere, *going_on])

    none, nightly = found.pipelines
    assert (none.pipeline, none.total.failed, none.total.retries) == (None, 1, 2)
    assert none.total.duration is not None
    assert none.total.duration.max == 60.0
    assert none.stages == ()
    assert (nightly.total.runs, nightly.total.succeeded) == (1, 1)
    assert [(stage.stage, stage.total.runs) for stage in nightly.stages] == [("load", 2)]


def test_a_time_is_asked_for_by_its_quarters(tmp_path: Path) -> None:
    """What ended from the first on and before the last; bounds are moved outwards, and told."""
    day = datetime(2026, 3, 28, 22, 50, tzinfo=UTC)
    events = [
        event
        for hour in range(4)
        for event in told(
            started(), ended(), run_id=f"run-{hour}", begin=day + timedelta(hours=hour)
        )
    ]
    folder = tmp_path / "ledger"
    bound: dict[str, Any] = {
        "since": day + timedelta(hours=1, seconds=1),
        "until": day + timedelta(hours=3),
    }

    found = asked(folder, events, timezone="Europe/Berlin", **bound)
    with RunHistory(folder) as history:
        unknown = statistics(history, pipeline="no-such", **bound)
        one = statistics(history, pipeline="nightly", bucket="hour", timezone="Europe/Berlin")

    berlin = ZoneInfo("Europe/Berlin")
    assert found.since == datetime(2026, 3, 29, 0, 45, tzinfo=berlin)
    assert found.until == datetime(2026, 3, 29, 4, 0, tzinfo=berlin)
    assert [pipeline.total.runs for pipeline in found.pipelines] == [2 + 1]
    assert unknown.pipelines == ()
    assert unknown.position == found.position == 9
    # At two o'clock clocks were set to three.
    begins = [bucket.begin.strftime("%H%z") for bucket in one.pipelines[0].buckets]
    assert begins == ["23+0100", "00+0100", "01+0100", "03+0200"]


HALF_HOURS = [BEGIN + timedelta(minutes=30 * number) for number in range(-72, 73)]


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[NewEvent]]:
    """Record runs of two pipelines, 5 hours apart, over two days."""
    tried = (failed("load", retry=True), began("load", 2), done("load", 2))
    events = [
        event
        for number in range(10)
        for event in told(
            started(pipeline=f"pipeline-{number % 2}"),
            began("load"),
            *tried,
            ended(),
            run_id=f"run-{number}",
            begin=BEGIN + timedelta(hours=5 * number - 24),
        )
    ]
    folder = tmp_path_factory.mktemp("scattered") / "ledger"
    write_log(folder, lines_of(events))
    return folder, events


@settings(max_examples=40)
@given(
    st.none() | st.sampled_from(HALF_HOURS),
    st.none() | st.sampled_from(HALF_HOURS),
    st.sampled_from(["day", "hour"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Auckland"]),
)
def test_only_what_ended_within_the_bounds_counts(
    scattered: tuple[Path, list[NewEvent]],
    since: datetime | None,
    until: datetime | None,
    bucket: TimeBucket,
    zone: str,
) -> None:
    """Wherever they lie in a day of the zone; and what has nothing within them is not listed."""
    folder, events = scattered
    assume(since is None or until is None or since <= until)
    there = label_of(bucket, ZoneInfo(zone))

    def label(moment: datetime) -> Any:
        within = (since is None or since <= moment) and (until is None or moment < until)
        return there(moment) if within else None

    with RunHistory(folder) as history:
        found = statistics(history, since=since, until=until, bucket=bucket, timezone=zone)

    expected = {key: counts for key, counts in by_hand(events, label).items() if key[2]}
    # A bucket that a bound cuts is told by its own begin, which may lie before the bound.
    figures = flat(found, there)
    assert figures.keys() == expected.keys()
    for key, counts in expected.items():
        check(figures[key], counts)
    listed = {(one.pipeline, stage.stage) for one in found.pipelines for stage in one.stages}
    assert listed == {(pipeline, stage) for pipeline, stage, _ in expected if stage}
    assert {one.pipeline for one in found.pipelines} == {pipeline for pipeline, _, _ in expected}


def test_an_empty_ledger_has_no_statistics(tmp_path: Path) -> None:
    """They say which position they reflect all the same."""
    found = asked(tmp_path / "ledger", [])

    assert (found.pipelines, found.position) == ((), 1)
    assert (found.since, found.until) == (None, None)
    assert flaky_stages(found) == ()


def test_what_cannot_be_asked_is_named(tmp_path: Path) -> None:
    """Each argument by its name."""
    write_log(tmp_path / "ledger", lines_of([]))
    wrong: Sequence[dict[str, Any]] = (
        {"bucket": "week"},
        {"timezone": "Mars/Olympus"},
        {"since": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is refused
        {"until": datetime(2026, 1, 1)},  # noqa: DTZ001 - likewise
        # Both lie in one quarter of an hour, which the bounds would be moved out to.
        {"until": BEGIN, "since": BEGIN + timedelta(seconds=1)},
    )
    with RunHistory(tmp_path / "ledger") as history:
        for question in wrong:
            with pytest.raises(InvalidEvent, match=next(iter(question))):
                statistics(history, **question)


def test_any_time_and_any_duration_is_counted(tmp_path: Path) -> None:
    """Those at the ends of what a clock and a float can say, too."""
    folder = tmp_path / "ledger"
    for year in (1, 1900, 9999):
        shutil.rmtree(folder, ignore_errors=True)
        moment = datetime(year, 6, 1, 12, tzinfo=UTC)
        slow = RunEnded(result="success", elapsed_seconds=1e300)
        fast = StageCompleted(stage="load", attempt=1, elapsed_seconds=0.0)
        events = told(started(), began("load"), fast, slow, begin=moment)

        found = asked(folder, events, bucket="hour", timezone="America/New_York")

        assert len(found.pipelines) == (year == 1900)


def test_what_is_taken_off_a_day_leaves_nothing_behind(tmp_path: Path) -> None:
    """The last hour of a day of UTC is one of the next day in Berlin, with its longest run."""
    late = datetime(2026, 1, 15, 23, tzinfo=UTC)
    short = RunEnded(result="success", elapsed_seconds=1)
    long = RunEnded(result="failed", elapsed_seconds=600)
    events = [
        *told(started(), short, run_id="run-1", begin=late - timedelta(days=1, hours=2)),
        *told(started(), short, run_id="run-2", begin=late - timedelta(hours=9)),
        *told(started(), long, run_id="run-3", begin=late),
        *told(started(pipeline="other"), long, run_id="run-4", begin=late),
    ]

    found = asked(tmp_path / "ledger", events, timezone="Europe/Berlin")

    days = [(day.begin.day, day.figures) for day in found.pipelines[0].buckets]
    longest = [(day, figures.duration and figures.duration.max) for day, figures in days]
    assert longest == [(14, 1), (15, 1), (16, 600)]
    assert [figures.failed for _, figures in days] == [0, 0, 1]
    assert [day.begin.day for day in found.pipelines[1].buckets] == [16]
