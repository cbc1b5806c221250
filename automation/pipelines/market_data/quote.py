"""The normal form: one closing price of one symbol on one day, and the file of them.

Whatever shape a market file has, the translator turns it into quotes, and every later stage reads
nothing else. `quotes.csv` has the header `symbol,date,close`, ISO dates, and is sorted by symbol
and then date, so the same quotes always give the same bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from automation.pipelines.market_data.cells import (
    HIGHEST_PRICE,
    LOWEST_PRICE,
    read_date,
    read_price,
)
from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.table import read_rows, write_rows
from automation.pipelines.market_data.text_file import read_text

__all__ = [
    "QUOTE_COLUMNS",
    "Quote",
    "read_quotes",
    "write_quotes",
]

QUOTE_COLUMNS = ("symbol", "date", "close")


@dataclass(frozen=True, slots=True, order=True)
class Quote:
    """A closing price.

    Attributes:
        symbol: What is traded, such as `MSFT`; printable, with no blanks around it.
        date: The trading day.
        close: The price at its end, in the currency of the source; above zero.
    """

    symbol: str
    date: dt.date
    close: float

    def __post_init__(self) -> None:
        """Refuse a quote that could not be written and read back, or reckoned with.

        Raises:
            ValueError: The symbol or the close is not as described above.
        """
        if not self.symbol:
            raise ValueError("symbol is empty")
        if self.symbol != self.symbol.strip() or not self.symbol.isprintable():
            raise ValueError(
                f"symbol has blanks around it or unprintable characters: {self.symbol!r}"
            )
        # Written so that NaN, which compares as false, is refused too.
        if not LOWEST_PRICE <= self.close <= HIGHEST_PRICE:
            raise ValueError(
                f"close is not between {LOWEST_PRICE:g} and {HIGHEST_PRICE:g}: {self.close!r}"
            )


def write_quotes(path: Path, quotes: Iterable[Quote]) -> None:
    """Publish quotes as CSV, sorted by symbol and date."""
    write_rows(path, QUOTE_COLUMNS, map(astuple, sorted(quotes)))


def read_quotes(path: Path) -> list[Quote]:
    """Read what `write_quotes` wrote, in the file's order.

    Raises:
        MarketDataError: The file is missing, damaged or without a quote.
    """
    quotes = []
    for line, row in read_rows(path, read_text(path), QUOTE_COLUMNS):
        try:
            close = read_price("close", row["close"])
            quotes.append(Quote(row["symbol"], read_date(row["date"]), close))
        except ValueError as error:
            raise MarketDataError(path, line, str(error)) from error
    if not quotes:
        raise MarketDataError(path, 1, "holds no quotes")
    return quotes
