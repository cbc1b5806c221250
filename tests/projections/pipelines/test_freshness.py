"""What is not as expected of a pipeline, decided on what is known of its runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import EventData, RunEnded
from projections.pipelines.freshness import Expectation, PipelineStanding, Slowdown, findings_of
from projections.runs.run_fold import fold, initial, summarize
from projections.runs.run_summary import Liveness, RunSummary
from tests.projections.payloads import abandoned, began, started
from tests.projections.recorded import RUN, at, record, replayed, tell

HOUR = 3_600.0
SUCCESS = RunEnded(result="success", elapsed_seconds=1)


def run_of(*told: EventData, after: int = 1, liveness: Liveness | None = None) -> RunSummary:
    """Give the summary of a run that begins at 10:00, behind a position."""
    return summarize(fold(replayed(record(tell(*told), after=after)), initial(RUN)), liveness)


SUCCEEDED = run_of(started(), SUCCESS)
ENDED = 1.0


def kinds(expected: Expectation, standing: PipelineStanding, seconds: float) -> list[str]:
    """Give what is found so many seconds after ten."""
    return [finding.kind for finding in findings_of(expected, standing, at(seconds))]


def expect(
    *,
    within: float | None = None,
    max_duration: float | None = None,
    regressions: bool = True,
    by_name: bool = False,
) -> Expectation:
    """Expect something of the pipeline; spans are in seconds."""
    return Expectation(
        pipeline="nightly",
        within=None if within is None else timedelta(seconds=within),
        max_duration=None if max_duration is None else timedelta(seconds=max_duration),
        regressions=regressions,
        by_name=by_name,
    )


@given(age=st.integers(-300_000, 300_000), allowed=st.integers(1, 200_000))
def test_a_success_is_too_old_when_its_age_is_beyond_what_is_allowed(
    age: int, allowed: int
) -> None:
    """To the second; and one that lies as far ahead says nothing, because a clock is wrong."""
    standing = PipelineStanding(has_runs=True, last_success=SUCCEEDED)

    found = list(findings_of(expect(within=allowed), standing, at(ENDED + age)))

    expected = "too_old" if age > allowed else "ahead" if -age > allowed else None
    assert [one.kind for one in found] == ([expected] if expected else [])
    for one in found:
        assert (one.run_id, one.seconds, one.allowed_seconds) == (RUN, abs(age), allowed)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (expect(), []),
        (expect(max_duration=1), []),
        (expect(within=HOUR), ["no_run"]),
        (expect(by_name=True), ["no_run"]),
        (expect(by_name=True, within=HOUR), ["no_run"]),
    ],
)
def test_a_pipeline_without_runs_is_found_where_it_is_expected(
    expected: Expectation, found: list[str]
) -> None:
    """By its name, which may be misspelt, or by a success."""
    assert kinds(expected, PipelineStanding(), 0) == found


def test_no_success_at_all_is_found_where_one_is_expected() -> None:
    """Runs that failed are none; where nothing is expected, they are fine."""
    standing = PipelineStanding(has_runs=True)

    assert kinds(expect(within=HOUR), standing, 0) == ["no_success"]
    assert kinds(expect(by_name=True), standing, 0) == []


def test_a_run_lasts_too_long_while_it_goes_on() -> None:
    """Also a late one; but of one that is presumed dead only that is told."""
    on = [run_of(started(), began("load"), liveness=one) for one in ("live", "late")]
    standing = PipelineStanding(has_runs=True, going_on=on)
    expected = expect(max_duration=HOUR)

    assert kinds(expected, standing, HOUR) == []
    assert kinds(expected, standing, HOUR + 1) == ["too_long", "too_long"]
    dead = PipelineStanding(has_runs=True, going_on=[run_of(started(), liveness="presumed dead")])
    assert kinds(expected, dead, HOUR + 1) == ["presumed_dead"]


def test_a_dead_run_is_told_until_a_later_one_succeeds() -> None:
    """Whether it was recorded as abandoned or not; an earlier success is none of this."""
    dead = run_of(started(), began("load"), after=50, liveness="presumed dead")
    given_up = run_of(started(), abandoned(1), after=50)
    for success, found in (
        (None, ["presumed_dead", "presumed_dead"]),
        (run_of(started(), SUCCESS, after=10), ["presumed_dead", "presumed_dead"]),
        (run_of(started(), SUCCESS, after=90), []),
    ):
        standing = PipelineStanding(
            has_runs=True, last_success=success, going_on=[dead], given_up=[given_up]
        )
        assert kinds(expect(), standing, 60) == found


def test_a_dead_run_was_last_heard_of_by_what_it_said_itself() -> None:
    """Not by what gave it up."""
    dead = run_of(started(), began("load"), liveness="presumed dead")
    given_up = run_of(started(), abandoned(1))
    standing = PipelineStanding(has_runs=True, going_on=[dead], given_up=[given_up])

    found = list(findings_of(expect(), standing, at(60)))

    assert [(one.at, one.seconds) for one in found] == [(at(0), 60), (at(1), 59)]


def test_a_regression_is_told_unless_it_is_not_to_be() -> None:
    """Of the run and of each stage, with what is usual."""
    slow = [Slowdown(None, 9.0, 3.0), Slowdown("load", 8.0, 2.0)]
    standing = PipelineStanding(has_runs=True, last_success=SUCCEEDED, slowdowns=slow)

    found = list(findings_of(expect(), standing, at(0)))

    assert [(one.kind, one.stage, one.seconds, one.allowed_seconds) for one in found] == [
        ("regression", None, 9.0, 3.0),
        ("regression", "load", 8.0, 2.0),
    ]
    assert kinds(expect(regressions=False), standing, 0) == []
