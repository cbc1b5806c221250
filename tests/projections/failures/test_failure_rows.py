"""The rows of failures: each failed attempt of a run, and whether it was tried again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import ErrorInfo, EventData, RunStarted, StageFailed
from ledger.line.replayed import ReplayedEvent
from projections.failures.failure_rows import FailureRows
from projections.failures.fingerprint import fingerprint_of
from projections.runs.run_fold import fold, initial, summarize
from projections.runs.run_rows import micros
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
from tests.projections.recorded import RUN, record_run

COLUMNS = (
    "position",
    "fingerprint",
    "stage",
    "attempt",
    "retried",
    "error_type",
    "blanked",
    "sample",
    "pipeline",
    "code_version",
    "failed",
)


def rows_of(events: Sequence[ReplayedEvent]) -> list[dict[str, Any]]:
    """Fold one run, and give its rows by the names of their columns."""
    projection = FailureRows()
    state = reduce(projection.evolve, events, projection.initial(RUN))
    rows = projection.rows(state)
    assert {table for table, _ in rows} <= {"failures"}
    return [dict(zip(COLUMNS, values, strict=True)) for _, values in rows]


def test_a_failed_attempt_is_a_row() -> None:
    """It says what failed, where, when, and of which code."""
    error = ErrorInfo(type="ValueError", message="row 7 " + "of many " * 99, traceback="Trace")
    begin = RunStarted(pipeline="nightly", writer=WRITER, code_version="1.2")
    fails = StageFailed(stage="load", attempt=1, error=error, elapsed_seconds=1.0)
    events = record_run(begin, began("load"), fails, ended("failed", "because"))

    (row,) = rows_of(events)

    assert len(row["sample"]) == 500
    assert row["blanked"].startswith("row # of many of many")
    assert row == {
        "position": 4,
        "fingerprint": fingerprint_of("load", "ValueError", error.message, "Trace"),
        "stage": "load",
        "attempt": 1,
        "retried": 0,
        "error_type": "ValueError",
        "blanked": row["blanked"],
        "sample": row["sample"],
        "pipeline": "nightly",
        "code_version": "1.2",
        "failed": micros(events[2].occurred_text),
    }


STORIES: dict[str, tuple[list[EventData], list[tuple[str | None, int | None, int]]]] = {
    "no stages": ([started(), ended()], []),
    "all well": ([started(), began("load"), done("load"), ended()], []),
    "passed when tried again": (
        [started(), began("load"), failed("load", retry=True), began("load", 2), done("load", 2)],
        [("load", 1, 1)],
    ),
    "failed when tried again": (
        [started(), began("load"), failed("load", retry=True), began("load", 2), failed("load", 2)],
        [("load", 1, 1), ("load", 2, 0)],
    ),
    "will be tried again, and was not": (
        [started(), began("load"), failed("load", retry=True), ended("stopped")],
        [("load", 1, 0)],
    ),
    "another stage goes on": (
        [started(), began("a"), began("b"), failed("a"), failed("b"), began("b", 2), ended()],
        [("a", 1, 0), ("b", 1, 1)],
    ),
    "outside its stages": (
        [started(), began("load"), done("load"), ended("failed", "no rows")],
        [(None, None, 0)],
    ),
    "outside, and no reason is known": ([started(), ended("failed")], [(None, None, 0)]),
    "in a stage that passed then, and outside": (
        [started(), began("a"), failed("a"), began("a", 2), done("a", 2), ended("failed", "x")],
        [("a", 1, 1), (None, None, 0)],
    ),
    "a failed stage, and so the run": (
        [started(), began("a"), failed("a"), ended("failed", "Stage a failed")],
        [("a", 1, 0)],
    ),
    "stopped": ([started(), began("a"), stopped("a"), ended("stopped")], []),
    "given up": ([started(), began("a"), abandoned(2)], []),
    "given up, and alive": (
        [started(), began("a"), abandoned(2), failed("a"), ended("failed", "a")],
        [("a", 1, 0)],
    ),
    "taken over": ([imported("failed")], []),
    "never begun": ([began("a"), failed("a"), ended("failed")], []),
    "after the end": ([started(), began("a"), ended(), failed("a"), ended("failed", "x")], []),
    "twice": ([started(), began("a"), failed("a"), failed("a"), skipped("b")], [("a", 1, 0)]),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_counts_as_a_failure(name: str) -> None:
    """Each story has the failures that a person would name."""
    told, expected = STORIES[name]

    rows = rows_of(record_run(*told))

    assert [(row["stage"], row["attempt"], row["retried"]) for row in rows] == expected


any_event = st.sampled_from(
    [
        started(),
        *(
            event(stage, attempt)
            for event in (began, done, failed, stopped)
            for stage in ("a", "b")
            for attempt in (1, 2)
        ),
        skipped("a"),
        abandoned(3),
        annotated("seen"),
        imported(),
        ended(),
        ended("failed", "no rows"),
    ]
)


@given(st.lists(any_event, max_size=20))
def test_the_rows_are_the_failed_attempts_of_the_summary(told: list[EventData]) -> None:
    """Whatever a history holds, legal or not: both leave out the same events."""
    events = record_run(started(), *told)
    summary = summarize(fold(events, initial(RUN)))
    last = {tried.stage: tried.attempt for tried in summary.attempts}
    expected = [
        (tried.stage, tried.attempt, int(tried.attempt < last[tried.stage]))
        for tried in summary.attempts
        if tried.result == "failed"
    ]

    rows = [row for row in rows_of(events) if row["stage"] is not None]

    assert sorted((row["stage"], row["attempt"], row["retried"]) for row in rows) == sorted(
        expected
    )
    assert {row["fingerprint"] for row in rows} <= {
        fingerprint_of(stage, ERROR.type, ERROR.message, ERROR.traceback) for stage in ("a", "b")
    }
    outside = len(rows_of(events)) - len(rows)
    assert outside <= (summary.result == "failed" and not summary.stages_failed)


@given(st.lists(any_event, max_size=12))
def test_an_event_that_comes_twice_changes_nothing(told: list[EventData]) -> None:
    """As a fold that is resumed may see it."""
    events = record_run(started(), *told)

    assert rows_of([event for event in events for _ in range(2)]) == rows_of(events)
