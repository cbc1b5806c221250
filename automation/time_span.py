"""Lengths of time as people write them: ``26h``, ``90m``, ``1d12h``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["TimeSpan", "parse_time_span"]

_PART = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_UNITS: Mapping[str, timedelta] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MOST = 64


def parse_time_span(text: object) -> timedelta:
    """Read a length of time: numbers of seconds, minutes, hours, days, weeks, one after the other.

    Raises:
        ValueError: it is no such text, or comes to nothing, like ``0h``.
    """
    fits = isinstance(text, str) and len(text) <= _MOST and _WHOLE.fullmatch(text)
    parts = _PART.findall(text) if fits and isinstance(text, str) else []
    length = sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())
    if not length:
        raise ValueError(f"{str(text)[:_MOST]!r} is no length of time like 26h, 90m or 1d12h")
    return length


def _read(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_time_span(value)


TimeSpan = Annotated[timedelta, BeforeValidator(_read)]
"""A length of time, in a setting as it is written."""
