"""The rows of a run: the columns that runs are found by say what the summary says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.events import EventData, ImportedRun, NewEvent, RunImported
from ledger.line.codec import encode_body
from ledger.line.replayed import ReplayedEvent, decode_replayed
from ledger.plain_values import utc_text
from projections.runs.run_fold import fold, initial
from projections.runs.run_rows import NO_START, RunRows, metadata_text, micros
from tests.projections.payloads import abandoned, annotated, began, done, ended, failed, started
from tests.projections.recorded import RUN, at, record_body, record_run

COLUMNS = (
    "started",
    "ended",
    "duration",
    "result",
    "pipeline",
    "stages",
    "last_position",
    "reach",
    "ahead",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def row_of(events: list[ReplayedEvent]) -> dict[str, Any]:
    """Give the one row of a run, with what is served of it and the reason it is found by."""
    rows = dict(RunRows().rows(fold(events, initial(RUN))))
    found = dict(zip(COLUMNS, rows["runs"], strict=True))
    found |= dict(zip(("summary", "attempts"), rows["runs_details"], strict=True))
    return found | {"reason": rows.get("runs_reasons", (None,))[0]}


def metadata_of(*told: EventData) -> dict[str, str]:
    """Give the rows of a run's metadata."""
    rows = RunRows().rows(fold(record_run(*told), initial(RUN)))
    return {str(key): str(text) for table, (key, text, *_) in rows if table == "runs_metadata"}


@given(st.datetimes(timezones=st.just(UTC)))
@example(EPOCH)
@example(EPOCH - MICROSECOND)
@example(EPOCH + MICROSECOND)
@example(datetime(1969, 12, 31, 23, 59, 0, 1, tzinfo=UTC))
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime.max.replace(tzinfo=UTC))
def test_a_time_is_its_microseconds(moment: datetime) -> None:
    """Exactly, in any year, before 1970 too."""
    assert micros(utc_text(moment)) == (moment - EPOCH) // MICROSECOND


def imported(started_at: datetime, ended_at: datetime | None) -> RunImported:
    """Import a run of any time."""
    summary = ImportedRun(
        run_id="old",
        started_at=started_at,
        ended_at=ended_at,
        result="success" if ended_at else None,
        failure_reason=None,
        stages_executed=("load",),
        stages_failed=(),
        retry_count=0,
        metadata={},
    )
    return RunImported(summary=summary, source="old/runs.jsonl")


def test_a_run_from_before_1970_has_its_times() -> None:
    """As negative numbers, so that it sorts before all later ones."""
    row = row_of(record_run(imported(EPOCH - 3 * MICROSECOND, EPOCH - MICROSECOND)))

    assert (row["started"], row["ended"], row["duration"]) == (-3, -1, 0.000002)


def test_the_columns_say_what_the_summary_says() -> None:
    """Of a run that ended."""
    row = row_of(
        record_run(
            started("load"),
            began("load"),
            failed("load", retry=True),
            began("load", 2),
            failed("load", 2),
            began("tidy"),
            done("tidy"),
            ended("failed", "no rows"),
        )
    )
    start = (at(0) - EPOCH) // MICROSECOND

    assert (row["started"], row["ended"]) == (start, start + 7_000_000)
    assert (row["duration"], row["result"], row["pipeline"]) == (7.5, "failed", "nightly")
    assert row["reason"] == "no rows"
    assert row["stages"] == '[["load","tidy"],["load"]]'
    assert (row["last_position"], row["ahead"]) == (9, 0)
    summary = json.loads(row["summary"])
    assert "attempts" not in summary
    assert [summary["stages_executed"], summary["stages_failed"]] == json.loads(row["stages"])
    assert [one["result"] for one in json.loads(row["attempts"])] == ["failed", "failed", "success"]


def test_a_run_that_goes_on_has_no_end() -> None:
    """Its row says what is known."""
    row = row_of(record_run(started("load"), began("load")))

    assert [row[name] for name in ("ended", "duration", "result", "reason")] == [None] * 4
    assert row["stages"] == '[["load"],[]]'


def test_a_run_that_was_given_up_has_no_duration() -> None:
    """Its end is presumed, with a reason, and how long it took is not known."""
    row = row_of(record_run(started(), abandoned(1)))

    assert (row["result"], row["duration"]) == ("failed", None)
    assert row["ended"] == (at(1) - EPOCH) // MICROSECOND
    assert row["reason"].startswith("presumed dead")


def test_a_run_whose_start_is_not_known_sorts_behind_all_others() -> None:
    """There is no time before it, not even the first of the calendar."""
    row = row_of(record_run(began("load")))

    assert row["started"] == NO_START < micros(utc_text(datetime.min.replace(tzinfo=UTC)))
    assert (row["pipeline"], row["stages"]) == (None, "[[],[]]")


@pytest.mark.parametrize(
    ("distance", "reach"), [(1, 1), (2, 2), (3, 2), (4, 3), (1023, 10), (1024, 11), (2**40, 41)]
)
def test_reach_is_the_bits_of_how_far_a_run_lies_apart(distance: int, reach: int) -> None:
    """A run that was open at a position is found among few of each reach."""
    first = record_run(started())
    position = first[-1].position + distance
    body = encode_body(NewEvent(ended(), RUN, occurred_at=at(1)))
    recorded = record_body(body, position=position, sequence=2, recorded_at=utc_text(at(1)))

    assert row_of(first)["reach"] == 0
    assert row_of([*first, decode_replayed(recorded.line)])["reach"] == reach


@pytest.mark.parametrize(("ahead", "expected"), [(-1, 0), (0, 0), (1, 1), (10**9, 1)])
def test_a_start_in_the_future_of_its_record_is_marked(ahead: int, expected: int) -> None:
    """By a microsecond too: such a run may be listed before it was known."""
    body = encode_body(NewEvent(started(), RUN, occurred_at=at(0) + ahead * MICROSECOND))
    recorded = record_body(body, position=2, sequence=1, recorded_at=utc_text(at(0)))
    row = row_of([decode_replayed(recorded.line)])
    assert row["ahead"] == expected

    other = encode_body(NewEvent(imported(at(0) + ahead * MICROSECOND, None), RUN))
    recorded = record_body(other, position=2, sequence=1, recorded_at=utc_text(at(0)))
    assert row_of([decode_replayed(recorded.line)])["ahead"] == expected


def test_metadata_is_looked_for_as_it_was_said() -> None:
    """Text as it is, all else as its JSON; the last value of a key."""
    told: dict[str, Any] = {
        "text": "nightly ü",
        "empty": "",
        "number": 5,
        "float": 0.5,
        "yes": True,
        "nothing": None,
        "list": [1, "a"],
        "object": {"b": {"a": 1}},
        "like_json": "[1]",
    }

    found = metadata_of(started(**told, day=1), annotated(day=2))

    assert found == {
        "text": "nightly ü",
        "empty": "",
        "number": "5",
        "float": "0.5",
        "yes": "true",
        "nothing": "null",
        "list": '[1,"a"]',
        "object": '{"b":{"a":1}}',
        "like_json": "[1]",
        "day": "2",
    }
    assert metadata_text("null") == metadata_text(None)
