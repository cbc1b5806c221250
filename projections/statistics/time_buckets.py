"""Days and hours as the clocks of a time zone show them, made of slots of UTC.

A day begins when its date does there: it may have 23 or 25 hours. An hour goes from one full hour
to the next, or to where clocks are changed. All that changes does so at a quarter of an hour of
UTC; bounds of long ago, when that was not so, are moved to the quarter before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.errors import InvalidEvent

__all__ = [
    "BUCKETS",
    "FIRST",
    "LAST",
    "Bounds",
    "TimeBucket",
    "buckets_of",
    "pieces_of",
    "sums_of",
    "zone_of",
]

TimeBucket = Literal["day", "hour"]
BUCKETS: Sequence[TimeBucket] = ("day", "hour")

_QUARTER, _HOUR = 900, 3600
_ONE_DAY = timedelta(days=1)
FIRST = int(datetime(2, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(9998, 1, 1, tzinfo=UTC).timestamp())
"""Between these, in seconds since 1970, every zone has a calendar."""

Bounds = tuple[int, int]
"""When a bucket begins, and when the next one does, in seconds since 1970."""


def zone_of(name: str) -> tzinfo:
    """Find a time zone by its IANA name.

    Raises:
        InvalidEvent: none of that name is known here.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        reason = f"{name!r} is no IANA time zone known here; zones come with the package tzdata"
        raise InvalidEvent("timezone", reason) from None


def buckets_of(
    slots: Iterable[int], width: int, bucket: TimeBucket, zone: tzinfo
) -> Sequence[Bounds]:
    """Give the buckets that hold some slots, in order.

    Args:
        slots: when they begin, in seconds since 1970.
        width: how long each is.
        bucket: a day or an hour.
        zone: whose clocks are meant.
    """
    find = _day_at if bucket == "day" else _hour_at
    found: set[Bounds] = set()
    for slot in slots:
        at = slot
        while at < slot + width:
            bounds = find(at, zone)
            found.add(bounds)
            at = bounds[1]
    return sorted(found)


def _day_at(at: int, zone: tzinfo) -> Bounds:
    """Give the day that it is at a moment; one that a zone left out has no moment."""
    day = datetime.fromtimestamp(at, zone).date()
    begin, end = _midnight(day, zone), _midnight(day + _ONE_DAY, zone)
    while end <= at:
        # Clocks were set back over midnight: the date comes twice, and is one day.
        day += _ONE_DAY
        begin, end = end, _midnight(day + _ONE_DAY, zone)
    return begin, end


def _midnight(day: date, zone: tzinfo) -> int:
    """Give the first moment of a date: where clocks pass over midnight, when they do."""
    moment = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
    return moment - moment % _QUARTER


def _hour_at(at: int, zone: tzinfo) -> Bounds:
    """Give the hour that it is at a moment, up to where clocks are changed."""
    offset = _offset(at, zone)
    begin = (at + offset) // _HOUR * _HOUR - offset
    end = begin + _HOUR
    while _offset(begin, zone) != offset:
        begin += _QUARTER
    while _offset(end - 1, zone) != offset:
        end -= _QUARTER
    return begin, end


def _offset(at: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    seconds = 0 if offset is None else round(offset.total_seconds())
    return seconds // _QUARTER * _QUARTER


def pieces_of(begin: int, end: int, widths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Cut a time into as few slots as may be: yields a width, and from when to when it is taken.

    Args:
        begin: a multiple of the first width.
        end: likewise.
        widths: how long slots may be, in ascending order.
    """
    if begin >= end:
        return
    *narrower, width = widths
    first, last = -(-begin // width) * width, end // width * width
    if first >= last:
        yield from pieces_of(begin, end, narrower)
        return
    if narrower:
        yield from pieces_of(begin, first, narrower)
    yield width, first, last
    if narrower:
        yield from pieces_of(last, end, narrower)


def sums_of(
    begin: int, end: int, widths: Sequence[int], sign: int = 1
) -> Iterator[tuple[int, int, int, int]]:
    """Make a time up of fewer slots than ``pieces_of``: of some that are taken off again, too.

    A day in Berlin is one of UTC, with the hour before it and without its last one.

    Args:
        begin: a multiple of the first width.
        end: likewise; where it is before ``begin``, the time between is taken off.
        widths: how long slots may be, in ascending order.
        sign: 1, or -1 where all is the other way round.

    Yields:
        A width, from when to when it is taken, and 1, or -1 where that is taken off.
    """
    if begin > end:
        begin, end, sign = end, begin, -sign
    *narrower, width = widths
    if end - begin < width:
        if begin < end:
            yield from sums_of(begin, end, narrower, sign)
        return
    first, last = ((at + width // 2) // width * width for at in (begin, end))
    if first < last:
        yield width, first, last, sign
    if narrower:
        yield from sums_of(begin, first, narrower, sign)
        yield from sums_of(last, end, narrower, sign)
