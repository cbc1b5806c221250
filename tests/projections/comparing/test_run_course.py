"""What counts of a run's events, and where two runs part."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import EventData, RunStarted, StageFailed
from projections.comparing.run_course import CourseEvent, course_of, first_missing
from tests.projections.payloads import (
    ERROR,
    WRITER,
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
from tests.projections.recorded import record_run

letters = st.lists(st.sampled_from("abcd"), max_size=7)


def course(names: list[str]) -> list[CourseEvent]:
    """Make a course of events that are told apart by one letter."""
    return [CourseEvent(what=(name,), position=at, sequence=at) for at, name in enumerate(names, 1)]


def fails(message: str, error: str = "ValueError") -> StageFailed:
    """Fail with a message."""
    told = ERROR.model_copy(update={"message": message, "type": error})
    return StageFailed(stage="load", attempt=1, error=told, elapsed_seconds=1)


def lacking(a: list[str], b: list[str]) -> int | None:
    """Find the first of some letters that others do not hold as often, by counting anew each."""
    return next((at for at in range(len(a)) if Counter(a[: at + 1]) - Counter(b)), None)


@given(a=letters, b=letters)
def test_the_first_event_that_the_other_lacks_is_found(a: list[str], b: list[str]) -> None:
    """In both; the other way round it is the same places."""
    found = first_missing(course(a), course(b))

    assert found == (lacking(a, b), lacking(b, a))
    assert first_missing(course(b), course(a)) == found[::-1]


@given(a=letters, tail=letters)
def test_a_run_that_has_not_come_so_far_lacks_the_rest(a: list[str], tail: list[str]) -> None:
    """All it did is shared."""
    assert first_missing(course(a), course(a + tail)) == (None, len(a) if tail else None)


def test_the_order_of_stages_at_the_same_time_is_no_difference() -> None:
    """They come as they come; a failure among them is one."""
    one = course_of(record_run(started(), began("x"), began("y"), done("x"), done("y")))
    two = course_of(record_run(started(), began("y"), began("x"), done("y"), done("x")))
    third = course_of(record_run(started(), began("y"), began("x"), done("y"), failed("x")))

    assert first_missing(one, two) == (None, None)
    assert first_missing(one, third) == (3, 4)


SAME: list[tuple[EventData, EventData]] = [
    (started("a", day=1), started("a", day=2)),
    (
        RunStarted(pipeline="p", writer=WRITER),
        RunStarted(pipeline="p", writer=WRITER, code_version="2", parameters={"x": 1}),
    ),
    (done("load", rows=1), done("load", rows=2)),
    (fails("row 7 of /a/b.csv"), fails("row 912 of /tmp/x.csv")),
    (ended("failed", "lost 3 rows"), ended("failed", "lost 77 rows")),
    (skipped("a"), skipped("a").model_copy(update={"reason": "another"})),
    (abandoned(1), abandoned(9)),
]
DIFFERENT: list[tuple[EventData, EventData]] = [
    (started("a"), started("b")),
    (started(), started(pipeline="other")),
    (began("load"), began("merge")),
    (began("load"), began("load", 2)),
    (began("load"), done("load")),
    (done("load"), stopped("load")),
    (failed("load"), failed("load", retry=True)),
    (fails("no rows"), fails("no columns")),
    (fails("no rows"), fails("no rows", "KeyError")),
    (ended("failed"), ended("stopped")),
    (ended("failed", "no rows"), ended("failed", "no columns")),
    (imported("failed"), imported("success")),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_values_do_not_count(a: EventData, b: EventData) -> None:
    """Parameters, metadata, metrics, times and values in texts differ from run to run."""
    assert first_missing(course_of(record_run(a)), course_of(record_run(b))) == (None, None)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_what_was_done_counts(a: EventData, b: EventData) -> None:
    """Stage, attempt, result, kind of failure, plan."""
    assert first_missing(course_of(record_run(a)), course_of(record_run(b))) == (0, 0)


def test_remarks_are_no_part_of_a_course() -> None:
    """A run that was remarked on did what it did."""
    plain = course_of(record_run(started(), ended()))
    remarked = course_of(record_run(started(), annotated("seen", day=1), ended(), annotated("x")))

    assert [event.type for event in remarked] == ["run_started", "run_ended"]
    assert first_missing(plain, remarked) == (None, None)
