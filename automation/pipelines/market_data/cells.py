"""What a single cell of a market file may hold: a date, a price, a plain number.

Each function takes the raw cell and gives its value, or raises ValueError whose text is a reason
fit for a reader ("price is not a number: 'n/a'"). The caller, who knows file and line, turns it
into a MarketDataError.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from reprlib import repr as short

__all__ = [
    "HIGHEST_PRICE",
    "LOWEST_PRICE",
    "read_count",
    "read_date",
    "read_month",
    "read_number",
    "read_price",
]

# Prices outside these bounds are far likelier a mix-up of units than prices. The bounds also keep
# arithmetic sound: the ratio of any two is finite, and 1 minus it never rounds up to 1.
LOWEST_PRICE = 1e-6
HIGHEST_PRICE = 1e9

# Spelled out because strptime's %b follows the locale of the machine.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMED_DATE = re.compile(rf"({'|'.join(_MONTHS)}) (\d{{1,2}}) (\d{{4}})", re.ASCII)
# date.fromisoformat alone would also take "20000101" and "2000-W01-1".
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ISO_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
# float() alone would also take "1_000" and digits of other scripts.
_NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE
)


def read_date(value: object) -> dt.date:
    """Read `Jan 1 2000` or `2000-01-01`.

    Raises:
        ValueError: It is neither, or no day of the calendar.
    """
    text = value.strip() if isinstance(value, str) else ""
    try:
        if _ISO_DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
        if named := _NAMED_DATE.fullmatch(text):
            month, day, year = named.groups()
            return dt.date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError as error:
        raise ValueError(f"date is not in the calendar: {short(value)}") from error
    raise ValueError(f"date is neither like 'Jan 1 2000' nor like '2000-01-01': {short(value)}")


def read_month(text: str) -> str:
    """Read a month such as `2000-01`.

    Raises:
        ValueError: It is not one.
    """
    if _ISO_MONTH.fullmatch(text):
        return text
    raise ValueError(f"month is not like '2000-01': {short(text)}")


def read_count(name: str, text: str) -> int:
    """Read a whole number from 0 up, in plain digits.

    Raises:
        ValueError: It is not one.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    raise ValueError(f"{name} is not a count: {short(text)}")


def read_number(name: str, value: object) -> float:
    """Read a finite number from text, or from a value that is a number already.

    Args:
        name: What the file calls the cell, for the reason.
        value: The raw cell: text from CSV, any value from JSON.

    Raises:
        ValueError: It is not a number, or not finite.
    """
    number: float | None = None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        number = float(value)
    elif isinstance(value, float):
        number = value
    if number is None:
        raise ValueError(f"{name} is not a number: {short(value)}")
    if not math.isfinite(number):
        raise ValueError(f"{name} is not finite: {short(value)}")
    return number


def read_price(name: str, value: object) -> float:
    """Read a price: a number above zero, between LOWEST_PRICE and HIGHEST_PRICE.

    Raises:
        ValueError: It is not one.
    """
    price = read_number(name, value)
    if price <= 0:
        raise ValueError(f"{name} is not above zero: {short(value)}")
    if not LOWEST_PRICE <= price <= HIGHEST_PRICE:
        raise ValueError(
            f"{name} is not between {LOWEST_PRICE:g} and {HIGHEST_PRICE:g}: {short(value)}"
        )
    return price
