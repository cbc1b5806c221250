"""One shape of market file: a CSV table with the columns symbol, date and price.

The first rows of such a file, with the two ways to write a date::

    symbol,date,price
    MSFT,Jan 1 2000,39.81
    MSFT,2000-02-01,36.35
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from automation.pipelines.market_data.cells import read_date, read_price
from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.quote import Quote
from automation.pipelines.market_data.table import read_rows

__all__ = [
    "COLUMNS",
    "read_price_table",
    "recognise_price_table",
]

COLUMNS = ("symbol", "date", "price")

# Two names of three: a table that lost one column is still known for what it is, so the error can
# name the column instead of calling the whole file unknown.
_NAMES_THAT_TELL = 2


def recognise_price_table(text: str) -> bool:
    """Tell from its first line whether a text is meant as a price table."""
    header = text.lstrip().partition("\n")[0]
    names = {name.strip(' \t\r"').lower() for name in header.split(",")}
    return len(names.intersection(COLUMNS)) >= _NAMES_THAT_TELL


def read_price_table(path: Path, text: str) -> Iterator[tuple[int, Quote]]:
    """Yield each quote with its 1-based line.

    Args:
        path: Where the text is from; for errors only.
        text: The whole file.

    Raises:
        MarketDataError: A row or the header is wrong; with its line.
    """
    for line, row in read_rows(path, text, COLUMNS):
        try:
            quote = Quote(
                symbol=row["symbol"].strip(),
                date=read_date(row["date"]),
                close=read_price("price", row["price"]),
            )
        except ValueError as error:
            raise MarketDataError(path, line, str(error)) from error
        yield line, quote
