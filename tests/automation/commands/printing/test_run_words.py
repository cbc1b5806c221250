"""How runs, times and results are said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from automation.commands.printing.run_words import duration, error_line, pairs, safe, started


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0, "0 ms"),
        (0.034, "34 ms"),
        (1.234, "1.23 s"),
        (59.99, "59.99 s"),
        (60, "1 min 00 s"),
        (61.6, "1 min 02 s"),
        (3599.7, "60 min 00 s"),
        (3600, "1 h 00 min"),
        (100_000, "27 h 46 min"),
    ],
)
def test_a_duration_is_said_in_the_unit_that_fits(seconds: float | None, said: str) -> None:
    """Seconds, then minutes, then hours; nothing where it is not known."""
    assert duration(seconds) == said


def test_a_time_is_said_in_utc() -> None:
    """To the second; nothing where it is not known."""
    assert started(datetime(2026, 1, 15, 10, 0, 0, 123456, UTC)) == "2026-01-15 10:00:00Z"
    assert started(None) == ""


def test_an_error_is_one_line() -> None:
    """Its class comes first, and newlines become spaces."""
    assert error_line(ValueError("row\n  7")) == "ValueError: row 7"
    assert error_line(KeyError()) == "KeyError"


def test_text_of_events_is_text() -> None:
    """No markup is read in it, and nothing in it acts on a terminal."""
    assert safe("[red]x[/red]\x1b[0m").plain == r"[red]x[/red]\x1b[0m"
    assert pairs({"a": 1, "b[red]": "\r"}).plain == r"a=1, b[red]=\r"
    assert pairs({"a": None, "b": {"é": True}}).plain == 'a=null, b={"é": true}'
