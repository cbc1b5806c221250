"""A period: what lies from one bound, taken in, up to another, left out.

So periods adjoin: one begins where another ends, and what lies at that bound is in one of them.
Equal bounds are a period in which nothing lies. One that ends before it begins is a mistake of who
asks, and is told as one, instead of that nothing was found.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from projections.errors import PeriodReversed

__all__ = ["check_period"]

Value = TypeVar("Value", datetime, float)


def check_period(begin: tuple[str, Value | None], end: tuple[str, Value | None]) -> None:
    """Refuse a period that ends before it begins.

    Args:
        begin: what the lower bound is called where it was given, and an aware time or seconds;
            None is without one.
        end: likewise the upper one.

    Raises:
        PeriodReversed: it does; names both.
    """
    (first, low), (last, high) = begin, end
    if low is not None and high is not None and high < low:
        reason = f"{_text(high)} is {_below(high)} {first}, which is {_text(low)}"
        raise PeriodReversed(last, reason, begin=first)


def _below(value: datetime | float) -> str:
    return "before" if isinstance(value, datetime) else "less than"


def _text(value: datetime | float) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
    return f"{value:.15g} s"
