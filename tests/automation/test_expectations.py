"""What is expected of which pipeline."""

from __future__ import annotations

from datetime import timedelta

from automation.expectations import expectations_of
from automation.settings import CheckSection, ExpectedOfPipeline
from projections.pipelines.freshness import Expectation

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
SECTION = CheckSection(
    within=DAY,
    max_duration=HOUR,
    pipelines={"weekly": ExpectedOfPipeline(within=WEEK, regressions=False)},
)
NOTHING = ExpectedOfPipeline()


def test_what_is_set_for_a_pipeline_goes_before_what_is_set_for_all() -> None:
    """Value by value; those set by name are looked at though they have no run."""
    assert expectations_of(["nightly"], SECTION, NOTHING) == [
        Expectation(pipeline="nightly", within=DAY, max_duration=HOUR),
        Expectation(
            pipeline="weekly", within=WEEK, max_duration=HOUR, regressions=False, by_name=True
        ),
    ]


def test_options_go_before_all_that_is_set() -> None:
    """Of the pipelines that are named, and of no others."""
    given = ExpectedOfPipeline(within=HOUR, regressions=True)

    found = expectations_of(["nightly"], SECTION, given, pipelines=["weekly", "new"])

    assert found == [
        Expectation(pipeline="new", within=HOUR, max_duration=HOUR, by_name=True),
        Expectation(pipeline="weekly", within=HOUR, max_duration=HOUR, by_name=True),
    ]


def test_where_there_is_no_pipeline_something_is_expected_of_any() -> None:
    """An empty ledger has not succeeded within a day either."""
    section = CheckSection(within=DAY)

    assert expectations_of([], section, NOTHING) == [Expectation(pipeline=None, within=DAY)]
