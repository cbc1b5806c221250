"""Lengths of time as people write them: ``26h``, ``90m``, ``1d12h``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["TimeSpan", "is_time_span", "parse_time_span"]

_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)
# The largest unit first, each once; no more days than leave the short ids of commits, of seven
# hex digits, alone.
_WHOLE = re.compile(
    r"(?=.)(?:\d{1,5}w)?(?:\d{1,5}d)?(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?", re.ASCII
)
_UNITS: Mapping[str, timedelta] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MOST = 64


def is_time_span(text: str) -> bool:
    """Whether it is written like a length of time."""
    return len(text) <= _MOST and _WHOLE.fullmatch(text) is not None


def parse_time_span(text: object) -> timedelta:
    """Read a length of time: numbers of weeks, days, hours, minutes, seconds, in this order.

    Raises:
        ValueError: it is no such text, or comes to nothing, like ``0h``.
    """
    parts = _PART.findall(text) if isinstance(text, str) and is_time_span(text) else []
    length = sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())
    if not length:
        raise ValueError(f"{str(text)[:_MOST]!r} is no length of time like 26h, 90m or 1d12h")
    return length


def _read(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_time_span(value)


TimeSpan = Annotated[timedelta, BeforeValidator(_read)]
"""A length of time, in a setting as it is written."""
