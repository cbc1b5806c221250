"""Days and hours of any zone, made of whole quarters of an hour in UTC."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidEvent
from projections.statistics.statistics_rows import WIDTHS
from projections.statistics.time_buckets import TimeBucket, buckets_of, pieces_of, sums_of, zone_of

HOUR, DAY = 3600, 86_400
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "America/Havana",
    "Africa/Cairo",
    "America/Sao_Paulo",
)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """Give a time in seconds since 1970."""
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp())


def hours_of(zone: str, day: date) -> list[float]:
    """Give how many hours each day has that a day of UTC touches."""
    slot = at(day.year, day.month, day.day)
    found = buckets_of([slot], DAY, "day", zone_of(zone))
    return [(end - begin) / HOUR for begin, end in found]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", date(2026, 3, 29), [24]),
        ("Europe/Berlin", date(2026, 3, 29), [23, 24]),
        ("Europe/Berlin", date(2026, 10, 25), [25, 24]),
        ("Australia/Lord_Howe", date(2026, 4, 4), [24, 24.5]),
        ("Asia/Kathmandu", date(2026, 1, 15), [24, 24]),
        # Midnight never came, and came twice.
        ("Africa/Cairo", date(2026, 4, 23), [24, 23]),
        ("America/Havana", date(2026, 11, 1), [24, 25]),
        # The 30th of December was left out.
        ("Pacific/Apia", date(2011, 12, 30), [24, 24]),
    ],
)
def test_a_day_is_as_long_as_clocks_make_it(zone: str, day: date, hours: list[float]) -> None:
    """From when its date begins to when the next one does."""
    assert hours_of(zone, day) == hours


def test_an_hour_ends_where_clocks_are_changed() -> None:
    """Half an hour is set back on Lord Howe Island, so an hour of half its length comes again."""
    slots = [at(2026, 4, 4, hour) for hour in (13, 14, 15)]
    found = buckets_of(slots, HOUR, "hour", zone_of("Australia/Lord_Howe"))

    assert [(end - begin) / HOUR for begin, end in found] == [1, 1, 0.5, 1]


moments = st.integers(at(1975, 1, 1) // 900, at(2037, 1, 1) // 900).map(lambda slot: slot * 900)


@settings(max_examples=200)
@given(moments, st.sampled_from(ZONES), st.sampled_from(["day", "hour"]))
def test_buckets_leave_no_gap_and_do_not_overlap(slot: int, zone: str, bucket: TimeBucket) -> None:
    """Wherever clocks are changed, each moment is in one bucket, of the date or hour it shows."""
    clock = zone_of(zone)
    found = buckets_of([slot - slot % DAY], DAY, bucket, clock)

    assert found[0][0] <= slot - slot % DAY
    assert found[-1][1] >= slot - slot % DAY + DAY
    assert all(one[1] == other[0] for one, other in itertools.pairwise(found))
    for begin, end in found:
        assert begin % 900 == end % 900 == 0
        first, last = (datetime.fromtimestamp(place, clock) for place in (begin, end - 1))
        if bucket == "hour":
            assert (first.date(), first.hour) == (last.date(), last.hour)
        else:
            assert first.date() == last.date()


@settings(max_examples=200)
@given(moments, st.integers(0, 400))
def test_a_time_is_cut_into_few_whole_slots(begin: int, quarters: int) -> None:
    """They follow each other, cover it all, and each width is used where it fits."""
    end = begin + 900 * quarters
    pieces = list(pieces_of(begin, end, WIDTHS))

    assert sum(last - first for _, first, last in pieces) == end - begin
    assert all(first % width == last % width == 0 for width, first, last in pieces)
    assert all(one[2] == other[1] for one, other in itertools.pairwise(pieces))
    assert len(pieces) <= 2 * len(WIDTHS) - 1


@settings(max_examples=100)
@given(moments, st.integers(0, 400))
def test_a_time_is_made_up_of_slots_that_are_added_and_taken_off(begin: int, quarters: int) -> None:
    """Each quarter of an hour in it comes to one, all others to none."""
    end = begin + 900 * quarters
    counted: Counter[int] = Counter()
    for width, first, last, sign in sums_of(begin, end, WIDTHS):
        assert first % width == last % width == 0
        assert first < last
        for slot in range(first, last, 900):
            counted[slot] += sign

    assert {slot: count for slot, count in counted.items() if count} == dict.fromkeys(
        range(begin, end, 900), 1
    )


def test_a_day_in_berlin_is_one_of_utc_and_two_hours() -> None:
    """The one before it, and its last one, which is taken off."""
    day = at(2026, 1, 15)

    assert set(sums_of(day - HOUR, day + DAY - HOUR, WIDTHS)) == {
        (DAY, day, day + DAY, 1),
        (HOUR, day - HOUR, day, 1),
        (HOUR, day + DAY - HOUR, day + DAY, -1),
    }


def test_an_unknown_zone_is_refused() -> None:
    """By its name, and with what to do where a system knows none."""
    for name in ("Mars/Olympus", "", "../etc/passwd"):
        with pytest.raises(InvalidEvent, match="timezone") as refused:
            zone_of(name)
        assert "tzdata" in str(refused.value)
    assert datetime.now(zone_of("UTC")).utcoffset() == timedelta(0)
