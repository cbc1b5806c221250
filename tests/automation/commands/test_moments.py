"""Times on the command line: dates, times with a zone, and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from automation.commands.moments import find_moment, parse_moment
from automation.errors import BadArgument

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", datetime(2026, 1, 15, 10, 0, tzinfo=UTC)),
        ("26h", datetime(2026, 1, 14, 8, 30, tzinfo=UTC)),
        ("7d", datetime(2026, 1, 8, 10, 30, tzinfo=UTC)),
        ("2w", datetime(2026, 1, 1, 10, 30, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04+01:00", datetime(2026, 1, 2, 2, 4, tzinfo=UTC)),
    ],
)
def test_times_are_read(text: str, moment: datetime) -> None:
    """Each way to give one."""
    assert parse_moment("--since", text, NOW) == moment


@pytest.mark.parametrize("text", ["", "now", "1.4.2", "4af71ed", "12345678d", "7y", "2026-13-01x"])
def test_what_is_no_time_is_told(text: str) -> None:
    """It may be something else, where that is allowed."""
    assert find_moment("--new-since", text, NOW) is None
    with pytest.raises(BadArgument, match="is no time"):
        parse_moment("--since", text, NOW)


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody knows which moment is meant."""
    with pytest.raises(BadArgument, match="has no zone"):
        find_moment("--since", "2026-01-15T10:00:00", NOW)
