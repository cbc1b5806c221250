"""A line from elsewhere: exactly the nine values of a run, or the first field that is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from automation.importing.summary_line import MAX_SUMMARY, parse_summary
from ledger.errors import EventTooLarge, InvalidEvent
from ledger.plain_values import MAX_DEPTH
from projections.runs.run_summary import FIRST_NINE
from tests.automation.summaries import as_line, summary


def test_a_line_gives_the_nine_values() -> None:
    """Each value is what the line says; times come in UTC."""
    run = parse_summary(as_line(summary()) + b"\n", None)

    assert tuple(type(run).model_fields) == FIRST_NINE
    assert run.started_at == datetime(2025, 1, 15, 10, tzinfo=UTC)
    assert run.ended_at == datetime(2025, 1, 15, 10, 0, 7, 500_000, tzinfo=UTC)
    assert (run.run_id, run.result, run.failure_reason) == ("old-1", "failed", "Stage load failed")
    assert (run.stages_executed, run.stages_failed) == (("extract", "load"), ("load",))
    assert (run.retry_count, run.metadata) == (1, summary()["metadata"])


def test_a_run_without_an_end_is_taken() -> None:
    """What is not known stays null."""
    run = parse_summary(as_line(summary(ended_at=None, result=None, failure_reason=None)), None)

    assert (run.ended_at, run.result, run.failure_reason) == (None, None, None)


def test_the_order_of_the_keys_does_not_matter() -> None:
    """JSON objects have none."""
    backwards = dict(reversed(summary().items()))

    assert parse_summary(as_line(backwards), None) == parse_summary(as_line(summary()), None)


def test_naive_times_belong_to_the_zone() -> None:
    """Times with an offset keep it beside naive ones."""
    line = as_line(summary(started_at="2025-01-15T10:00:00", ended_at="2025-01-15T10:00:00Z"))

    run = parse_summary(line, ZoneInfo("Europe/Berlin"))

    assert run.started_at == datetime(2025, 1, 15, 9, tzinfo=UTC)
    assert run.ended_at == datetime(2025, 1, 15, 10, tzinfo=UTC)


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"run_id": None}, "run_id", "is not text"),
    ({"run_id": 7}, "run_id", "is not text"),
    ({"run_id": ""}, "run_id", "is not a name: letters, digits and ._:-"),
    ({"run_id": "../old"}, "run_id", "is not a name: letters, digits and ._:-"),
    ({"run_id": "a" * 129}, "run_id", "is not a name: letters, digits and ._:-"),
    ({"started_at": None}, "started_at", "is not a time"),
    ({"started_at": 1736935200}, "started_at", "is not a time"),
    ({"started_at": "2025-01-15"}, "started_at", "is no time like"),
    ({"started_at": "2025-01-15T10:00:00"}, "started_at", "has no zone"),
    ({"ended_at": ""}, "ended_at", "is no time like"),
    ({"ended_at": False}, "ended_at", "is not a time"),
    ({"ended_at": "2025-01-15T09:59:59.999999Z"}, "ended_at", "before started_at"),
    ({"ended_at": "2025-01-15T10:30:00+01:00"}, "ended_at", "before started_at"),
    ({"result": "ok"}, "result", "is not one of success, failed, stopped"),
    ({"result": True}, "result", "is not one of success, failed, stopped"),
    ({"failure_reason": 1}, "failure_reason", "is not text"),
    ({"stages_executed": None}, "stages_executed", "is not a list"),
    ({"stages_executed": "load"}, "stages_executed", "is not a list"),
    ({"stages_executed": {"load": 1}}, "stages_executed", "is not a list"),
    ({"stages_executed": ["load", 1]}, "stages_executed.1", "is not text"),
    ({"stages_failed": [None]}, "stages_failed.0", "is not text"),
    ({"retry_count": None}, "retry_count", "is not a whole number"),
    ({"retry_count": -1}, "retry_count", "-1 is too small: 0 is the least"),
    ({"retry_count": "1"}, "retry_count", "is not a whole number"),
    ({"retry_count": 1.5}, "retry_count", "is not a whole number"),
    ({"retry_count": True}, "retry_count", "is not a whole number"),
    ({"metadata": None}, "metadata", "is not an object"),
    ({"metadata": [["a", 1]]}, "metadata", "is not an object"),
    ({"duration": 7}, "duration", "unknown key"),
]


@pytest.mark.parametrize(("changed", "field", "reason"), WRONG)
def test_a_value_of_another_kind_is_refused(
    changed: dict[str, Any], field: str, reason: str
) -> None:
    """Nothing is turned into what it should have been."""
    with pytest.raises(InvalidEvent) as caught:
        parse_summary(as_line(summary(**changed)), None)

    assert caught.value.field == field
    assert reason in caught.value.reason


@pytest.mark.parametrize("name", FIRST_NINE)
def test_a_missing_key_is_named(name: str) -> None:
    """All nine keys are needed, those whose value may be null too."""
    value = summary()
    del value[name]

    with pytest.raises(InvalidEvent, match=f"^{name}: the key is missing$"):
        parse_summary(as_line(value), None)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"", "column 1"),
        (b"\n", "column 1"),
        (b"[]", "value"),
        (b"null", "value"),
        (b'"run"', "value"),
        (as_line(summary())[:-1], f"column {len(as_line(summary()))}"),
        (as_line(summary()) * 2, f"column {len(as_line(summary())) + 1}"),
        (as_line(summary()).replace(b"2.5", b"NaN"), "metadata.nested.list[1]"),
        (as_line(summary()).replace(b"2.5", b"1e999"), "metadata.nested.list[1]"),
        (as_line(summary()).replace(b"2.5", b"1" * 20), "metadata.nested.list[1]"),
        (as_line(summary()).replace(b'"day"', b'"nested"'), "metadata.nested"),
        (as_line(summary()).replace(b"\\u00e9", b"\\ud800"), "metadata.nested.list[3]"),
        (b'{"run_id": "\xe9"}', "byte 13"),
        (b"\xef\xbb\xbf" + as_line(summary()), "byte 1"),
    ],
)
def test_a_line_that_is_no_strict_json_is_refused(line: bytes, field: str) -> None:
    """The error names the place in the line or in the value."""
    with pytest.raises(InvalidEvent) as caught:
        parse_summary(line, None)

    assert caught.value.field == field


def test_metadata_may_be_as_deep_as_in_the_log() -> None:
    """The levels are counted from the metadata on, and not from the line around it."""
    deepest: dict[str, Any] = {}
    for _ in range(MAX_DEPTH - 1):
        deepest = {"a": deepest}

    assert parse_summary(as_line(summary(metadata=deepest)), None).metadata == deepest
    with pytest.raises(InvalidEvent, match="nested deeper"):
        parse_summary(as_line(summary(metadata={"a": deepest})), None)


def test_a_line_may_be_longer_than_that_of_the_event() -> None:
    """In ASCII a character takes up to twelve bytes; the event has it in four."""
    long = as_line(summary(metadata={"smiles": "😀" * 15_000}))

    assert len(long) > 180_000
    assert parse_summary(long, None).metadata == json.loads(long)["metadata"]
    with pytest.raises(EventTooLarge, match=f"more than {MAX_SUMMARY} bytes"):
        parse_summary(b" " * (MAX_SUMMARY + 1), None)
