"""A quote is sound by construction, and the file of quotes gives back what was written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.pipelines.market_data.cells import HIGHEST_PRICE, LOWEST_PRICE
from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.quote import Quote, read_quotes, write_quotes

DAY = dt.date(2000, 1, 1)

SYMBOLS = st.text(min_size=1).filter(lambda text: text.isprintable() and text == text.strip())
QUOTES = st.builds(Quote, SYMBOLS, st.dates(), st.floats(LOWEST_PRICE, HIGHEST_PRICE))

BAD_QUOTES = [
    ("", 1.0, "symbol is empty"),
    (" A", 1.0, "symbol has blanks around it or unprintable characters: ' A'"),
    ("A\nB", 1.0, "symbol has blanks around it or unprintable characters: 'A\\nB'"),
    ("A", 0.0, "close is not between 1e-06 and 1e+09: 0.0"),
    ("A", float("nan"), "close is not between 1e-06 and 1e+09: nan"),
    ("A", float("inf"), "close is not between 1e-06 and 1e+09: inf"),
]

DAMAGED_FILES = [
    ("symbol,date,close\n", 1, "holds no quotes"),
    ("symbol,date,price\nA,2000-01-01,1\n", 1, "header has no column 'close'"),
    ("symbol,date,close\nA,2000-01-01,1\nA,2000-01-02,\n", 3, "close is not a number: ''"),
    ("symbol,date,close\n,2000-01-01,1\n", 2, "symbol is empty"),
]


@pytest.mark.parametrize(("symbol", "close", "reason"), BAD_QUOTES)
def test_an_unsound_quote_cannot_be_made(symbol: str, close: float, reason: str) -> None:
    """A quote that could not be written, read back or reckoned with is refused."""
    with pytest.raises(ValueError, match=r"^(symbol|close) ") as caught:
        Quote(symbol, DAY, close)

    assert str(caught.value) == reason


@given(quotes=st.lists(QUOTES, min_size=1))
def test_written_quotes_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, quotes: list[Quote]
) -> None:
    """Whatever quotes are written, the same come back, sorted, to the last digit."""
    path = tmp_path_factory.mktemp("quotes") / "quotes.csv"

    write_quotes(path, quotes)

    assert read_quotes(path) == sorted(quotes)


def test_the_file_is_plain_csv(tmp_path: Path) -> None:
    """The file is readable without this project: header, ISO dates, sorted, newline at the end."""
    path = tmp_path / "quotes.csv"

    write_quotes(path, [Quote("B,C", DAY, 2.0), Quote("A", DAY, 39.81)])

    assert path.read_bytes() == (b'symbol,date,close\nA,2000-01-01,39.81\n"B,C",2000-01-01,2.0\n')


@pytest.mark.parametrize(("text", "line", "reason"), DAMAGED_FILES)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, line: int, reason: str) -> None:
    """A file of quotes that somebody cut or edited badly is refused at its line."""
    path = tmp_path / "quotes.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(MarketDataError) as caught:
        read_quotes(path)

    assert (caught.value.file, caught.value.line, caught.value.reason) == (path, line, reason)
