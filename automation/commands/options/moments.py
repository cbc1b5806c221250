"""Moments as the command line takes them: a day, a time with its zone, or how long ago.

Each option for a moment takes all of these, and one for the past a position, too. The commands read
the clock, and nothing behind them.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from automation.errors import BadArgument
from automation.time_span import is_time_span, parse_time_span
from ledger.plain_values import utc_text

__all__ = ["MOMENT", "PAST", "parse_moment", "parse_moment_or_version", "parse_past", "parse_span"]

MOMENT = "DATE|7d"
"""How such an option is called in the help."""
PAST = f"POSITION|{MOMENT}"
"""Likewise, where it takes a position, too."""

_FORMS = "a date, nor like 7d, nor a time like 2026-01-15T10:00:00Z"
_MOST_DIGITS = 18
_TIME = re.compile(r"\d{4}-\d\d-\d\d.*", re.ASCII)


def parse_span(option: str, text: str) -> timedelta:
    """Read how long, like ``90d`` or ``1d12h``.

    Raises:
        BadArgument: it is nothing like that.
    """
    try:
        return parse_time_span(text)
    except ValueError as error:
        raise BadArgument(option, str(error)) from None


def parse_moment(option: str, text: str, now: datetime, *, forms: str = _FORMS) -> datetime:
    """Read a moment.

    Args:
        option: where it stands, for the error.
        text: ``2026-01-15`` is the beginning of that day in UTC; ``7d`` or ``1d12h`` is so long
            ago.
        now: what they are counted from.
        forms: what else the text might have been, for the error.

    Raises:
        BadArgument: it is none of these, or a time without a zone, or beyond the calendar.
    """
    if is_time_span(text):
        try:
            return now - parse_span(option, text)
        except OverflowError:
            raise BadArgument(option, f"{text} ago is before the calendar begins") from None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _with_zone(option, text, forms)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def parse_past(option: str, text: str, now: datetime) -> int | datetime:
    """Read a position, or a moment; digits alone are a position.

    Raises:
        BadArgument: it is neither.
    """
    if text.isdecimal() and text.isascii():
        if len(text) > _MOST_DIGITS:
            raise BadArgument(option, "no log has so many positions")
        return int(text)
    return parse_moment(option, text, now, forms=f"a position, nor {_FORMS}")


def parse_moment_or_version(option: str, text: str, now: datetime) -> datetime | str:
    """Read a moment, where it looks like one; everything else is a code version.

    Raises:
        BadArgument: it looks like a time and is none, or has no zone.
    """
    looks_like_moment = is_time_span(text) or _TIME.fullmatch(text)
    return parse_moment(option, text, now) if looks_like_moment else text


def _with_zone(option: str, text: str, forms: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadArgument(option, f"{text!r} is neither {forms}") from None
    if moment.tzinfo is None:
        reason = f"{text} has no zone: add its offset, or Z for UTC, like {moment.isoformat()}Z"
        raise BadArgument(option, reason)
    try:
        utc_text(moment)
    except OverflowError:
        raise BadArgument(option, f"{text} is beyond the calendar of UTC") from None
    return moment
