"""Times from elsewhere: one moment or an error, never a guess."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from automation.errors import BadArgument
from automation.local_time import find_zone, parse_time
from ledger.errors import InvalidEvent

BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts: int) -> datetime:
    """Give a moment."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type] # the parts come first


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-15T10:00:00Z", utc(2025, 1, 15, 10)),
        ("2025-01-15 10:00:00Z", utc(2025, 1, 15, 10)),
        ("2025-01-15T10:00:00.5Z", utc(2025, 1, 15, 10, 0, 0, 500_000)),
        ("2025-01-15T10:00:00.123456+01:00", utc(2025, 1, 15, 9, 0, 0, 123_456)),
        ("2025-01-15T10:00:00-09:30", utc(2025, 1, 15, 19, 30)),
        ("2025-01-15T10:00:00+05:53:28", utc(2025, 1, 15, 4, 6, 32)),
    ],
)
def test_a_time_with_an_offset_needs_no_zone(text: str, moment: datetime) -> None:
    """Its own offset counts, whatever zone naive ones belong to."""
    assert parse_time(text, None, "at") == moment
    assert parse_time(text, BERLIN, "at") == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-15T10:00:00", utc(2025, 1, 15, 9)),
        ("2025-07-15T10:00:00.000001", utc(2025, 7, 15, 8, 0, 0, 1)),
        ("2025-03-30T01:59:59", utc(2025, 3, 30, 0, 59, 59)),
        ("2025-03-30T03:00:00", utc(2025, 3, 30, 1)),
        ("2025-10-26T01:59:59", utc(2025, 10, 25, 23, 59, 59)),
        ("2025-10-26T03:00:00", utc(2025, 10, 26, 2)),
    ],
)
def test_a_naive_time_belongs_to_its_zone(text: str, moment: datetime) -> None:
    """Summer or winter time, up to the second at which clocks are changed."""
    assert parse_time(text, BERLIN, "at") == moment


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2025-10-26T02:00:00", "came twice in Europe/Berlin"),
        ("2025-10-26T02:59:59.999999", "came twice in Europe/Berlin"),
        ("2025-03-30T02:00:00", "never came in Europe/Berlin"),
        ("2025-03-30T02:59:59.999999", "never came in Europe/Berlin"),
    ],
)
def test_a_naive_time_that_is_not_one_moment_is_refused(text: str, reason: str) -> None:
    """Where clocks go back it means two moments, where they go forward none."""
    with pytest.raises(InvalidEvent, match=f"at: .*{reason}.*give it with its offset"):
        parse_time(text, BERLIN, "at")


def test_a_naive_time_without_a_zone_is_refused() -> None:
    """The error says what to do."""
    with pytest.raises(InvalidEvent, match="has no zone: name the one it is in by --timezone"):
        parse_time("2025-01-15T10:00:00", None, "at")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2025-01-15",
        "2025-01-15T10:00Z",
        "20250115T100000Z",
        "2025-W03-3T10:00:00Z",
        "2025-02-30T10:00:00Z",
        "2025-01-15T24:00:00Z",
        "2025-01-15T10:60:00Z",
        "2025-01-15T10:00:60Z",
        "2025-01-15T10:00:00.1234567Z",
        "2025-01-15T10:00:00z",
        "2025-01-15T10:00:00+0100",
        "2025-01-15T10:00:00+24:00",
        "2025-01-15T10:00:00Z\n",
        " 2025-01-15T10:00:00Z",
        "٢٠٢٥-01-15T10:00:00Z",
        "1736935200",
        "x" * 10_000,
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Only what Python's isoformat writes is read; the error is short."""
    with pytest.raises(InvalidEvent, match="is no time like") as caught:
        parse_time(text, BERLIN, "at")

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("0001-01-01T00:00:00+01:00", "UTC"),
        ("9999-12-31T23:59:59-01:00", "UTC"),
        ("0001-01-01T00:00:00", "Asia/Tokyo"),
        ("9999-12-31T23:59:59", "America/New_York"),
    ],
)
def test_a_time_beyond_the_calendar_is_refused(text: str, zone: str) -> None:
    """The calendar ends, in UTC too."""
    with pytest.raises(InvalidEvent, match="beyond the calendar"):
        parse_time(text, find_zone(zone), "at")


@pytest.mark.parametrize(
    ("text", "zone"),
    [("0001-01-01T00:00:00", "America/New_York"), ("9999-12-31T23:59:59", "Asia/Tokyo")],
)
def test_a_time_at_the_ends_of_the_calendar_is_read(text: str, zone: str) -> None:
    """The first and the last year are years like any other."""
    assert parse_time(text, find_zone(zone), "at").year in (1, 9999)


def test_a_zone_is_found_by_its_name() -> None:
    """UTC too, where no time zones are installed."""
    assert find_zone("Europe/Berlin") == BERLIN
    assert find_zone("UTC") is UTC


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("europe/berlinn", "did you mean Europe/Berlin?"),
        ("", "like Europe/Berlin or UTC"),
        ("xxxxxxxxxx", "like Europe/Berlin or UTC"),
        ("Europe", "not an IANA time zone"),
        ("../../etc/passwd", "not an IANA time zone"),
        ("/etc/localtime", "not an IANA time zone"),
        ("a\x00b", "not an IANA time zone"),
    ],
)
def test_what_is_no_zone_is_refused(name: str, meant: str) -> None:
    """The error says which one may be meant; no file is read for it."""
    with pytest.raises(BadArgument) as caught:
        find_zone(name)

    assert meant in str(caught.value)
