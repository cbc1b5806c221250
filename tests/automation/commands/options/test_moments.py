"""Moments: dates, times with a zone, and how long ago; of the past, positions, too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from automation.commands.options.moments import (
    parse_moment,
    parse_moment_or_version,
    parse_past,
    parse_span,
)
from automation.errors import BadArgument

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", datetime(2026, 1, 15, 10, 0, tzinfo=UTC)),
        ("26h", datetime(2026, 1, 14, 8, 30, tzinfo=UTC)),
        ("7d", datetime(2026, 1, 8, 10, 30, tzinfo=UTC)),
        ("2w", datetime(2026, 1, 1, 10, 30, tzinfo=UTC)),
        ("1d12h", datetime(2026, 1, 13, 22, 30, tzinfo=UTC)),
        ("90s", datetime(2026, 1, 15, 10, 28, 30, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04+01:00", datetime(2026, 1, 2, 2, 4, tzinfo=UTC)),
    ],
)
def test_times_are_read(text: str, moment: datetime) -> None:
    """Each way to give one, wherever one may be given."""
    assert parse_moment("--since", text, NOW) == moment
    assert parse_moment_or_version("--new-since", text, NOW) == moment
    assert parse_past("--as-of", text, NOW) == moment


@pytest.mark.parametrize(
    "text", ["now", "1.4.2", "4af71ed", "12345678d", "123456d", "12d345d", "7y", "v2026-01-15"]
)
def test_what_is_no_time_may_be_a_version(text: str) -> None:
    """Where that is allowed; elsewhere it is refused."""
    assert parse_moment_or_version("--new-since", text, NOW) == text
    with pytest.raises(BadArgument, match="neither a date, nor like 7d, nor a time"):
        parse_moment("--since", text, NOW)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-01-15T10:00:00", "has no zone"),
        ("2026-13-01", "neither a"),
        ("0001-01-01T00:00:00+01:00", "beyond the calendar"),
        ("99999w99999d", "before the calendar"),
    ],
)
def test_what_looks_like_a_time_must_be_one(text: str, reason: str) -> None:
    """A mistyped date is not taken for a version."""
    for parse in (parse_moment, parse_moment_or_version, parse_past):
        with pytest.raises(BadArgument, match=reason):
            parse("--since", text, NOW)


@pytest.mark.parametrize("text", ["yesterday", "-1", "٣", "+7", "1_000", "7y"])
def test_the_past_is_a_position_or_a_moment(text: str) -> None:
    """Digits alone are a position, also four; of what is neither, it is told what is taken."""
    assert [parse_past("--as-of", digits, NOW) for digits in ("0", "7", "2026")] == [0, 7, 2026]
    with pytest.raises(BadArgument) as caught:
        parse_past("--as-of", text, NOW)
    assert str(caught.value) == (
        f"--as-of: {text!r} is neither a position, nor a date, nor like 7d,"
        " nor a time like 2026-01-15T10:00:00Z"
    )


def test_a_span_names_its_option() -> None:
    """And how it is written, where it is none."""
    assert parse_span("--expires", "90d") == timedelta(days=90)
    with pytest.raises(BadArgument, match="--expires: '2026-01-15' is no length of time like 26h"):
        parse_span("--expires", "2026-01-15")
