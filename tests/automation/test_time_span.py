"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from automation.time_span import parse_time_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("90m", 5_400), ("26h", 93_600), ("1d12h", 129_600), ("2w", 1_209_600)],
)
def test_units_follow_each_other(text: str, seconds: int) -> None:
    """Seconds, minutes, hours, days and weeks."""
    assert parse_time_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "26", "h", "1.5h", "-1h", "1 h", "26H", "0h", "٣h", "1h1d", "1h1h", 7, None]
)
def test_what_is_no_length_is_refused(text: object) -> None:
    """A number without a unit, too: nobody knows what it means."""
    with pytest.raises(ValueError, match="is no length of time like 26h"):
        parse_time_span(text)


def test_a_long_text_is_not_read() -> None:
    """Nor repeated in full."""
    with pytest.raises(ValueError, match="is no length") as raised:
        parse_time_span("1h" * 10_000)
    assert len(str(raised.value)) < 150
