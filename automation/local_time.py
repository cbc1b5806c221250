"""Times as people and other systems write them: with an offset, or naive and in a zone named apart.

A naive time is only taken where it means one moment. Twice a year, where clocks are changed, one
means two moments or none: such a time is refused, and not guessed.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from datetime import UTC, datetime, tzinfo

from automation.errors import BadArgument
from ledger.errors import InvalidEvent

__all__ = ["find_zone", "parse_time"]

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d(:\d\d)?)?",
    re.ASCII,
)


def find_zone(name: str) -> tzinfo:
    """Find a time zone by its IANA name.

    Raises:
        BadArgument: there is none of that name; says which one may be meant.
    """
    if name == "UTC":
        # Known where no time zones are installed, too.
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        close = difflib.get_close_matches(name, sorted(zoneinfo.available_timezones()), n=1)
        meant = f"; did you mean {close[0]}?" if close else ", like Europe/Berlin or UTC"
        raise BadArgument("--timezone", f"{name!r} is not an IANA time zone{meant}") from None


def parse_time(text: str, zone: tzinfo | None, field: str) -> datetime:
    """Read a time as Python's ``isoformat`` writes it, and give it in UTC.

    Args:
        text: the time.
        zone: where a naive one belongs.
        field: what it is called in an error.

    Raises:
        InvalidEvent: it is not a time, is naive and no zone is known, or is not one moment.
    """
    try:
        moment = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidEvent(field, f"{text[:64]!r} is no time like 2026-01-15T10:00:00.123456+01:00")
    try:
        return _in_zone(moment, zone, field).astimezone(UTC)
    except OverflowError:
        raise InvalidEvent(field, f"{text} is beyond the calendar of UTC") from None


def _in_zone(moment: datetime, zone: tzinfo | None, field: str) -> datetime:
    if moment.tzinfo is not None:
        return moment
    if zone is None:
        raise InvalidEvent(field, f"{moment} has no zone: name the one it is in by --timezone")
    first, second = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    back = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    happened = "came twice" if back == moment else "never came"
    reason = f"{moment} {happened} in {zone}, where clocks were changed: give it with its offset"
    raise InvalidEvent(field, reason)
