"""Since when, as the command line takes it: a day, a time with its zone, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from automation.commands.options.moments import parse_moment
from automation.errors import BadArgument
from automation.time_span import is_time_span, parse_time_span

__all__ = ["SINCE", "parse_since", "parse_since_or_version", "parse_span"]

SINCE = "DATE|7d"
"""How such an option is called in the help."""

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


def parse_since(option: str, text: str, now: datetime) -> datetime:
    """Read since when.

    Args:
        option: where it stands, for the error.
        text: ``2026-01-15`` is the beginning of that day in UTC; ``7d`` or ``1d12h`` is so long
            ago.
        now: what they are counted from.

    Raises:
        BadArgument: it is none of these, or a time without a zone, or before the calendar.
    """
    if is_time_span(text):
        try:
            return now - parse_span(option, text)
        except OverflowError:
            raise BadArgument(option, f"{text} ago is before the calendar begins") from None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return parse_moment(option, text, other="neither a date, nor like 7d, nor a time")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def parse_since_or_version(option: str, text: str, now: datetime) -> datetime | str:
    """Read since when, where it looks like that; everything else is a code version.

    Raises:
        BadArgument: it looks like a time and is none, or has no zone.
    """
    looks_like_time = is_time_span(text) or _TIME.fullmatch(text)
    return parse_since(option, text, now) if looks_like_time else text
