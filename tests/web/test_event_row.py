"""What a list of events says of one, on one line."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from ledger.line.codec import Envelope
from ledger.line.walk import END_OF_NOTHING, Line
from web.event_row import event_row

TIME = "2026-01-15T10:00:00.123456Z"


def words_of(payload: bytes) -> str:
    """Say what an event tells whose payload these bytes are."""
    known = ("0" * 64, "0b8d2f4e-0000-4000-8000-000000000001", "run-1", 3, 0, "made_up", 1)
    envelope = Envelope(7, *known, TIME, TIME, msgspec.Raw(payload), "00000000")
    return event_row(Line(envelope, payload, 0, END_OF_NOTHING)).words


def words(data: Any) -> str:
    """Say what an event tells whose payload this is."""
    return words_of(json.dumps(data).encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"attempt": 2, "stage": "load"}, "load · attempt 2"),
        ({"elapsed_seconds": 62.0, "result": "success"}, "success · took 1 m 02 s"),
        ({"result": "failed", "failure_reason": "no disk"}, "failed · no disk"),
        ({"will_retry": True, "stopped": False}, "will retry"),
        ({"stages": ["a", "b/c"]}, "stages a, b/c"),
        ({"metrics": {"rows": 48210, "rate": 0.1234567}}, "metrics rows 48210, rate 0.123457"),
        (
            {"parameters": {"day": "x", "in": ["p"], "dry": True}},
            'parameters day x, in ["p"], dry true',
        ),
        ({"pid": 4711, "metadata": {}, "note": None}, "pid 4711"),
        ({"error": {"type": "E", "message": "m"}}, "E: m"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_payload_is_told_in_words(data: Any, said: str) -> None:
    """What names it comes first, flat values as people write them; what is empty is left out."""
    assert words(data) == said


def test_a_payload_of_any_size_stays_on_a_line() -> None:
    """However many parts it has, and however long they are."""
    many = {f"key-{number}": "x" * 10_000 for number in range(10_000)}
    for data in ({"metrics": many}, {"stages": list(many)}, {"note": "x" * 60_000}, {"a": [many]}):
        assert len(words(data)) <= 220


def test_a_number_that_python_does_not_hold_is_told_by_its_digits() -> None:
    """Another writer may not have refused it; the page of events is not lost for it."""
    assert words_of(b'{"rows":' + b"7" * 5_000 + b"}").startswith("rows 7777")
