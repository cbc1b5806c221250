"""How values read on a page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.wording import (
    duration_text,
    percent_text,
    readable,
    size_text,
    trend_text,
    utc_minute,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0524, "52 ms"),
        (0.9994, "999 ms"),
        (0.9999, "1.00 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (12.34, "12.3 s"),
        (59.96, "1 m 00 s"),
        (185, "3 m 05 s"),
        (3599.6, "1 h 00 m"),
        (7500, "2 h 05 m"),
        (90_000, "1 d 1 h"),
        (31_536_000, "365 d 0 h"),
    ],
)
def test_a_duration_is_told_in_the_units_that_matter(seconds: float, text: str) -> None:
    """Rounding never shows sixty of anything."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.001, "<1%"), (0.5, "50%"), (0.994, "99%"), (0.9999, ">99%"), (1, "100%")],
)
def test_a_share_is_told_in_percent(share: float, text: str) -> None:
    """Rounding never says that all did, or that none did, where one was otherwise."""
    assert percent_text(share) == text


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (1, "steady"),
        (1.09, "steady"),
        (1.5, "50% longer"),
        (0.75, "25% shorter"),
        (2.5, "2.5 times as long"),
        (1234, "1,234 times as long"),
    ],
)
def test_a_trend_is_told_in_words(times: float, text: str) -> None:
    """What moves by less than a tenth does not move."""
    assert trend_text(times) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (184_300_000, "184.3 MB"),
        (5 * 10**15, "5,000.0 TB"),
    ],
)
def test_a_size_is_told_in_the_unit_that_suits_it(size: int, text: str) -> None:
    """Rounding never shows a thousand of anything but of the greatest unit."""
    assert size_text(size) == text


def test_a_time_is_told_in_utc() -> None:
    """A time of another zone is converted."""
    east = timezone(timedelta(hours=5, minutes=30))
    assert utc_minute(datetime(2026, 1, 15, 3, 0, 7, tzinfo=east)) == "2026-01-14 21:30:07"
    assert utc_minute(datetime(2026, 1, 15, 3, 0, 7, tzinfo=UTC)) == "2026-01-15 03:00:07"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\r\n\ttwo\u2028three", "one two three"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("del\x7f c1\x9b", "del␡ c1\ufffd"),
        ("\u202eabc\u202c\u200b\ufeff", "abc"),
        ("x" * 11, "x" * 9 + "…"),
        ("x" * 10, "x" * 10),
        (" " * 50 + "x", "…"),
    ],
)
def test_a_text_from_anywhere_becomes_one_plain_line(text: str, shown: str) -> None:
    """Line breaks become spaces, other controls are seen, and direction marks are left out."""
    assert readable(text, 10 if "x" in text else 40) == shown


@given(st.text(), st.integers(2, 50))
def test_a_line_is_never_too_long_and_has_no_controls(text: str, limit: int) -> None:
    """Whatever the text, what is shown fits and stays on its line."""
    line = readable(text, limit)
    assert len(line) <= limit
    assert line == " ".join(line.split())
    assert not any(ord(character) < 32 or ord(character) == 127 for character in line)
