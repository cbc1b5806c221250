"""The CSV shape: recognised by its header, read row by row."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.price_table import read_price_table, recognise_price_table
from automation.pipelines.market_data.quote import Quote

SOURCE = Path("prices.csv")

HEADERS = [
    ("symbol,date,price", True),
    ("date, Price ,volume,SYMBOL\r", True),
    ('"symbol","date","price"', True),
    ("\n\nsymbol,date", True),
    ("date,temperature", False),
    ("symbol;date;price", False),
    ('[{"symbol": 1, "date": 2, "price": 3}]', False),
    ("", False),
]

BAD_ROWS = [
    ("MSFT,Jan 1 2000,n/a", "price is not a number: 'n/a'"),
    ("MSFT,Jan 1 2000,NaN", "price is not finite: 'NaN'"),
    ("MSFT,Jan 1 2000,0", "price is not above zero: '0'"),
    ("MSFT,Jan 32 2000,1", "date is not in the calendar: 'Jan 32 2000'"),
    ("MSFT,Jan 1 2000", "short row: 2 cells where the header has 3"),
    ("MSFT,Jan 1 2000,1,234.5", "long row: 4 cells where the header has 3"),
    (",Jan 1 2000,1", "symbol is empty"),
    (",,", "date is neither like 'Jan 1 2000' nor like '2000-01-01': ''"),
]


@pytest.mark.parametrize(("header", "recognised"), HEADERS)
def test_a_price_table_is_told_by_its_header(header: str, recognised: bool) -> None:
    """Two of the three columns tell a price table, whatever their order, case and quotes."""
    assert recognise_price_table(f"{header}\nMSFT,Jan 1 2000,39.81\n") is recognised


def test_rows_become_quotes_with_their_lines() -> None:
    """Both kinds of dates are read, a blank line counts, and blanks around cells do not."""
    text = "symbol,date,price\nMSFT,Jan 1 2000,39.81\n\n MSFT ,2000-02-01, 36.35\n"

    assert list(read_price_table(SOURCE, text)) == [
        (2, Quote("MSFT", dt.date(2000, 1, 1), 39.81)),
        (4, Quote("MSFT", dt.date(2000, 2, 1), 36.35)),
    ]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_bad_row_is_refused_at_its_line(row: str, reason: str) -> None:
    """Each kind of bad row is refused with its line and what is wrong in it."""
    text = f"symbol,date,price\nMSFT,Dec 1 1999,1\n{row}\nMSFT,Feb 1 2000,1\n"

    with pytest.raises(MarketDataError) as caught:
        list(read_price_table(SOURCE, text))

    assert str(caught.value) == f"prices.csv, line 3: {reason}"


@pytest.mark.parametrize("missing", ["symbol", "date", "price"])
def test_a_missing_column_is_named(missing: str) -> None:
    """A header without one of the three columns is refused by that column's name."""
    header = ",".join(name for name in ("symbol", "date", "price") if name != missing)

    assert recognise_price_table(header)
    with pytest.raises(MarketDataError) as caught:
        list(read_price_table(SOURCE, f"{header}\n1,2\n"))

    assert str(caught.value) == f"prices.csv, line 1: header has no column {missing!r}"
