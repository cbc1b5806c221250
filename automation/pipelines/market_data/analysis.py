"""What the analyzer finds out, as values, and the two files that hold them.

`statistics.csv` has one row per symbol, `monthly_returns.csv` one per symbol and month. Returns,
volatility and drawdown are fractions: 0.05 is five percent. A value that cannot be worked out is
None, and an empty cell in the file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from automation.pipelines.market_data.cells import (
    read_count,
    read_date,
    read_month,
    read_number,
    read_price,
)
from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.table import read_rows, write_rows
from automation.pipelines.market_data.text_file import read_text

__all__ = [
    "RETURN_COLUMNS",
    "STATISTICS_COLUMNS",
    "MonthlyReturn",
    "SymbolStatistics",
    "read_monthly_returns",
    "read_statistics",
    "write_monthly_returns",
    "write_statistics",
]


@dataclass(frozen=True, slots=True)
class MonthlyReturn:
    """How far the close of one symbol moved from one month's end to the next.

    Attributes:
        symbol: What is traded.
        month: The later of the two months, as `2000-02`.
        value: Last close of the month over last close of the month before, minus 1.
    """

    symbol: str
    month: str
    value: float


@dataclass(frozen=True, slots=True)
class SymbolStatistics:
    """One symbol's closes in a few numbers.

    Attributes:
        symbol: What is traded.
        quotes: How many closes there are.
        first_date: The day of the first.
        last_date: The day of the last.
        last_close: The last close, in the currency of the source.
        total_return: Last close over first close, minus 1.
        monthly_returns: How many monthly returns there are.
        volatility: Sample standard deviation of the monthly returns, not annualised; None with
            fewer than two of them.
        largest_drawdown: The largest fall from a close to a later one, as a fraction of the
            former: 0 where the close never fell, always below 1.
    """

    symbol: str
    quotes: int
    first_date: dt.date
    last_date: dt.date
    last_close: float
    total_return: float
    monthly_returns: int
    volatility: float | None
    largest_drawdown: float


RETURN_COLUMNS = ("symbol", "month", "return")
STATISTICS_COLUMNS = tuple(field.name for field in fields(SymbolStatistics))


def write_monthly_returns(path: Path, returns: Iterable[MonthlyReturn]) -> None:
    """Publish monthly returns as CSV, in the order given."""
    write_rows(path, RETURN_COLUMNS, map(astuple, returns))


def write_statistics(path: Path, statistics: Iterable[SymbolStatistics]) -> None:
    """Publish statistics as CSV, in the order given."""
    write_rows(path, STATISTICS_COLUMNS, map(astuple, statistics))


def read_monthly_returns(path: Path) -> list[MonthlyReturn]:
    """Read what `write_monthly_returns` wrote; it may hold none.

    Raises:
        MarketDataError: The file is missing or damaged.
    """
    returns = []
    for line, row in read_rows(path, read_text(path), RETURN_COLUMNS):
        try:
            value = read_number("return", row["return"])
            returns.append(MonthlyReturn(row["symbol"], read_month(row["month"]), value))
        except ValueError as error:
            raise MarketDataError(path, line, str(error)) from error
    return returns


def read_statistics(path: Path) -> list[SymbolStatistics]:
    """Read what `write_statistics` wrote.

    Raises:
        MarketDataError: The file is missing, damaged or without a row.
    """
    statistics = []
    for line, row in read_rows(path, read_text(path), STATISTICS_COLUMNS):
        try:
            statistics.append(_statistics(row))
        except ValueError as error:
            raise MarketDataError(path, line, str(error)) from error
    if not statistics:
        raise MarketDataError(path, 1, "holds no statistics")
    return statistics


def _statistics(row: Mapping[str, str]) -> SymbolStatistics:
    volatility = row["volatility"]
    return SymbolStatistics(
        symbol=row["symbol"],
        quotes=read_count("quotes", row["quotes"]),
        first_date=read_date(row["first_date"]),
        last_date=read_date(row["last_date"]),
        last_close=read_price("last_close", row["last_close"]),
        total_return=read_number("total_return", row["total_return"]),
        monthly_returns=read_count("monthly_returns", row["monthly_returns"]),
        volatility=read_number("volatility", volatility) if volatility else None,
        largest_drawdown=read_number("largest_drawdown", row["largest_drawdown"]),
    )
