"""Since when, as the command line takes it: a day, a time with its zone, or how long ago."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from automation.commands.moments import parse_moment
from automation.errors import BadArgument

__all__ = ["SINCE", "parse_since", "parse_since_or_version", "parse_span"]

SINCE = "DATE|7d"
"""How such an option is called in the help."""

_AGO = re.compile(r"(\d{1,4})([mhdw])", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d.*", re.ASCII)
_UNITS: Mapping[str, timedelta] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_span(option: str, text: str) -> timedelta:
    """Read how long: ``90d`` is so many minutes, hours, days or weeks (``m``, ``h``, ``d``, ``w``).

    Raises:
        BadArgument: it is nothing like that.
    """
    span = _AGO.fullmatch(text)
    if span is None:
        raise BadArgument(option, f"{text!r} is not like 90d: a number, then m, h, d or w")
    return int(span[1]) * _UNITS[span[2]]


def parse_since(option: str, text: str, now: datetime) -> datetime:
    """Read since when.

    Args:
        option: where it stands, for the error.
        text: ``2026-01-15`` is the beginning of that day in UTC; ``7d`` is so many minutes, hours,
            days or weeks ago (``m``, ``h``, ``d``, ``w``).
        now: what they are counted from.

    Raises:
        BadArgument: it is none of these, or a time without a zone.
    """
    if _AGO.fullmatch(text):
        return now - parse_span(option, text)
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
    return parse_since(option, text, now) if _AGO.fullmatch(text) or _TIME.fullmatch(text) else text
