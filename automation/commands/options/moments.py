"""Times and positions as the command line takes them."""

from __future__ import annotations

from datetime import datetime

from automation.errors import BadArgument
from ledger.plain_values import utc_text

__all__ = ["parse_moment", "parse_past"]

_MOST_DIGITS = 18


def parse_moment(option: str, text: str, *, other: str) -> datetime:
    """Read a time with its zone; ``other`` is what text is called that is none.

    Raises:
        BadArgument: it is none, or has no zone, or lies beyond the calendar of UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadArgument(option, f"{text!r} is {other} like 2026-01-15T10:00:00Z") from None
    if moment.tzinfo is None:
        reason = f"{text} has no zone: add its offset, or Z for UTC, like {moment.isoformat()}Z"
        raise BadArgument(option, reason)
    try:
        utc_text(moment)
    except OverflowError:
        raise BadArgument(option, f"{text} is beyond the calendar of UTC") from None
    return moment


def parse_past(option: str, text: str) -> int | datetime:
    """Read a position, or a time with its zone.

    Raises:
        BadArgument: it is neither.
    """
    if text.isdecimal() and text.isascii():
        if len(text) > _MOST_DIGITS:
            raise BadArgument(option, "no log has so many positions")
        return int(text)
    return parse_moment(option, text, other="neither a position nor a time")
