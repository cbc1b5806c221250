"""Slower than usual: against the median of the last 20 successes before a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import NewEvent
from ledger.errors import InvalidEvent
from ledger.events import Result, RunEnded, StageCompleted
from projections import RunHistory
from projections.errors import PeriodReversed
from projections.statistics.baselines import Usual, baseline_of, is_regression, ratio, usual
from projections.statistics.regressions import list_regressions, open_regressions, speed_of
from projections.testing import lines_of, write_log
from tests.projections.payloads import annotated, began, started

BEGIN = datetime(2026, 1, 15, 10, tzinfo=UTC)
Told = tuple[float, float, Result]


def runs_of(told: Sequence[Told], pipeline: str = "nightly") -> list[NewEvent]:
    """Make runs an hour apart, of so many seconds each: the run, its stage, and how it ended."""
    events: list[NewEvent] = []
    for number, (seconds, stage, result) in enumerate(told):
        events += [
            NewEvent(data, f"{pipeline}-{number}", occurred_at=BEGIN + timedelta(hours=number))
            for data in (
                started(pipeline=pipeline),
                began("load"),
                StageCompleted(stage="load", attempt=1, elapsed_seconds=stage),
                RunEnded(result=result, elapsed_seconds=seconds),
            )
        ]
    return events


def ledger(folder: Path, *events: NewEvent) -> Path:
    """Write a log."""
    write_log(folder, lines_of(events))
    return folder


def test_what_is_usual_is_a_median_and_its_spread() -> None:
    """The spread is the median of how far each lies from the median."""
    assert usual([]) is None
    assert usual([2.0]) == Usual(median=2.0, spread=0.0, successes=1)
    assert usual([1.0, 2.0, 4.0, 9.0]) == Usual(median=3.0, spread=1.5, successes=4)
    longest = sys.float_info.max
    assert usual([longest, longest]) == Usual(median=longest, spread=0.0, successes=2)


@pytest.mark.parametrize(
    ("seconds", "spread", "successes", "slow"),
    [
        (15.0, 0.0, 5, True),
        (14.9, 0.0, 20, False),
        (15.0, 0.0, 4, False),
        (15.0, 1.6, 20, True),
        (15.0, 5 / 3 + 0.01, 20, False),
    ],
)
def test_a_regression_is_half_as_long_again_and_beyond_the_spread(
    seconds: float, spread: float, successes: int, slow: bool
) -> None:
    """And there must be enough to compare with; at a median of 10 seconds."""
    before = Usual(median=10.0, spread=spread, successes=successes)

    assert is_regression(seconds, before) is slow
    assert ratio(seconds, before) == seconds / 10
    assert ratio(seconds, before.model_copy(update={"median": 0.0})) is None


@pytest.mark.parametrize(
    ("median", "seconds", "slow"),
    [
        (0.0, 0.999, False),
        (0.0, 1.0, True),
        (0.004, 0.4, False),
        (1.0, 1.9, False),
        (1.0, 2.0, True),
    ],
)
def test_less_than_a_second_more_is_no_regression(
    median: float, seconds: float, slow: bool
) -> None:
    """However many times as long that is: a busy machine does it to whatever takes milliseconds."""
    assert is_regression(seconds, Usual(median=median, spread=0.0, successes=20)) is slow


def test_the_list_looks_back_no_further_than_one_run_does(tmp_path: Path) -> None:
    """With one success more than the last twenty before it, the run would be none."""
    seconds = [1.0, *[10.0] * 10, *[20.0] * 10, 31.0]
    told: list[Told] = [(took, 1.0, "success") for took in seconds]

    with RunHistory(ledger(tmp_path / "runs", *runs_of(told))) as history:
        speed = speed_of(history, "nightly-21")
        assert speed is not None
        assert speed.is_regression
        assert "nightly-21" in [run.run_id for run in list_regressions(history).runs]


def test_a_run_is_compared_with_the_successes_before_it(tmp_path: Path) -> None:
    """Of its own pipeline, the last 20, whatever came after it."""
    one: Told = (10.0, 5.0, "success")
    slower: Told = (100.0, 50.0, "success")
    quick: list[Told] = [*[slower] * 5, *[one] * 20]
    slow_run: Told = (20.0, 5.0, "success")
    told: list[Told] = [*quick, (1.0, 1.0, "failed"), slow_run, (10.0, 5.0, "success")]
    folder = ledger(
        tmp_path / "ledger",
        *runs_of(told),
        *runs_of([(9.0, 9.0, "success")] * 3, "hourly"),
        NewEvent(annotated("late"), "nightly-26", occurred_at=BEGIN + timedelta(days=9)),
    )

    with RunHistory(folder) as history:
        slow = speed_of(history, "nightly-26")
        before = baseline_of(history, "nightly-26")
        listed = list_regressions(history)
        nothing_open = open_regressions(history)
        first, unknown = baseline_of(history, "hourly-0"), baseline_of(history, "no-such")

    assert slow is not None
    assert before is not None
    assert before.run == Usual(median=10.0, spread=0.0, successes=20)
    assert before.stages == {"load": Usual(median=5.0, spread=0.0, successes=20)}
    assert (slow.run.ratio, slow.run.regression, slow.run.usual) == (2.0, True, before.run)
    assert [(stage.stage, stage.ratio, stage.regression) for stage in slow.stages] == [
        ("load", 1.0, False)
    ]
    assert (listed.runs, listed.total, listed.position) == ((slow,), 1, 126)
    assert nothing_open.runs == ()
    assert first is not None
    assert (first.run, first.stages, unknown) == (None, {}, None)


def test_a_regression_is_open_until_the_next_success(tmp_path: Path) -> None:
    """A failure does not close it; it is told by a stage alone, too."""
    told: list[Told] = [(10.0, 5.0, "success")] * 6
    folder = ledger(
        tmp_path / "ledger",
        *runs_of([*told, (11.0, 9.0, "success"), (90.0, 5.0, "failed")]),
        *runs_of(told, "hourly"),
    )

    with RunHistory(folder) as history:
        (found,) = open_regressions(history).runs
        of_another = open_regressions(history, pipeline="hourly").runs
        failed = speed_of(history, "nightly-7")

    assert (found.run_id, found.run.regression, found.stages[0].regression) == (
        "nightly-6",
        False,
        True,
    )
    assert of_another == ()
    assert failed is not None
    assert (failed.run.ratio, failed.run.regression) == (9.0, False)


def test_a_run_that_goes_on_has_no_speed_yet(tmp_path: Path) -> None:
    """Nor has an unknown one."""
    folder = ledger(tmp_path / "ledger", NewEvent(started(), "run-1", occurred_at=BEGIN))

    with RunHistory(folder) as history:
        assert speed_of(history, "run-1") is None
        assert speed_of(history, "no-such") is None
        assert list_regressions(history).runs == ()
        with pytest.raises(InvalidEvent, match="limit"):
            list_regressions(history, limit=0)
        with pytest.raises(PeriodReversed, match=r"until: .* is before since"):
            list_regressions(history, since=BEGIN, until=BEGIN - timedelta(microseconds=1))
        assert list_regressions(history, since=BEGIN, until=BEGIN).runs == ()


def is_slow(took: float, before: Sequence[float]) -> bool:
    """Apply the rule by hand."""
    if len(before) < 5:
        return False
    middle = median(before)
    spread = median(abs(one - middle) for one in before)
    return took >= 1.5 * middle and took - middle > 3 * spread and took - middle >= 1


seconds = st.sampled_from([1.0, 1.1, 1.2, 1.5, 2.0, 3.0, 10.0])
results: st.SearchStrategy[Result] = st.sampled_from(["success", "success", "success", "failed"])


@settings(max_examples=20)
@given(st.lists(st.tuples(seconds, seconds, results), max_size=45), st.integers(0, 45))
def test_the_list_holds_what_the_rule_says(
    tmp_path_factory: pytest.TempPathFactory, told: list[Told], first: int
) -> None:
    """Each run by itself, compared by hand; from any time on."""
    folder = ledger(tmp_path_factory.mktemp("slow") / "ledger", *runs_of(told))
    expected = []
    for number, run in enumerate(told):
        before = [one for one in told[:number] if one[2] == "success"][-20:]
        slow = False
        if run[2] == "success":
            slow = is_slow(run[0], [one[0] for one in before])
            slow |= is_slow(run[1], [one[1] for one in before])
        if slow and number >= first:
            expected.append(f"nightly-{number}")

    with RunHistory(folder) as history:
        found = list_regressions(history, since=BEGIN + timedelta(hours=first))

    assert [run.run_id for run in found.runs] == expected[::-1]
    assert all(run.is_regression for run in found.runs)
