"""The analyzer's two files give back what was written, and are refused when damaged."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.pipelines.market_data.analysis import (
    MonthlyReturn,
    SymbolStatistics,
    read_monthly_returns,
    read_statistics,
    write_monthly_returns,
    write_statistics,
)
from automation.pipelines.market_data.errors import MarketDataError

# What prints and is no space: to filter other text leaves too little, now and then.
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
SYMBOLS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
FRACTIONS = st.floats(allow_nan=False, allow_infinity=False)
RETURNS = st.builds(
    MonthlyReturn, SYMBOLS, st.dates().map(lambda day: day.isoformat()[:7]), FRACTIONS
)
STATISTICS = st.builds(
    SymbolStatistics,
    symbol=SYMBOLS,
    quotes=st.integers(1, 10**6),
    first_date=st.dates(),
    last_date=st.dates(),
    last_close=st.floats(1e-6, 1e9),
    total_return=FRACTIONS,
    monthly_returns=st.integers(0, 10**6),
    volatility=st.none() | FRACTIONS,
    largest_drawdown=FRACTIONS,
)

ROW = SymbolStatistics(
    symbol="A",
    quotes=3,
    first_date=dt.date(2000, 1, 31),
    last_date=dt.date(2000, 2, 29),
    last_close=10.0,
    total_return=0.25,
    monthly_returns=1,
    volatility=None,
    largest_drawdown=0.5,
)


@given(returns=st.lists(RETURNS))
def test_written_returns_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, returns: list[MonthlyReturn]
) -> None:
    """Whatever monthly returns are written, none included, the same come back in order."""
    path = tmp_path_factory.mktemp("analysis") / "monthly_returns.csv"

    write_monthly_returns(path, returns)

    assert read_monthly_returns(path) == returns


@given(statistics=st.lists(STATISTICS, min_size=1))
def test_written_statistics_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, statistics: list[SymbolStatistics]
) -> None:
    """Whatever statistics are written, absent volatility included, the same come back in order."""
    path = tmp_path_factory.mktemp("analysis") / "statistics.csv"

    write_statistics(path, statistics)

    assert read_statistics(path) == statistics


def test_the_files_are_plain_csv(tmp_path: Path) -> None:
    """Fractions stand as plain numbers, and an absent volatility as an empty cell."""
    write_statistics(tmp_path / "statistics.csv", [ROW])
    write_monthly_returns(tmp_path / "monthly_returns.csv", [MonthlyReturn("A", "2000-02", 0.25)])

    assert (tmp_path / "statistics.csv").read_text(encoding="utf-8") == (
        "symbol,quotes,first_date,last_date,last_close,total_return,monthly_returns,volatility,"
        "largest_drawdown\nA,3,2000-01-31,2000-02-29,10.0,0.25,1,,0.5\n"
    )
    assert (tmp_path / "monthly_returns.csv").read_text(encoding="utf-8") == (
        "symbol,month,return\nA,2000-02,0.25\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (",3,", ",three,", 2, "quotes is not a count: 'three'"),
        (",0.5\n", ",\n", 2, "largest_drawdown is not a number: ''"),
        (",1,,", ",1,nan,", 2, "volatility is not finite: 'nan'"),
        ("volatility", "sigma", 1, "header has no column 'volatility'"),
        ("A,3,2000-01-31,2000-02-29,10.0,0.25,1,,0.5\n", "", 1, "holds no statistics"),
    ],
)
def test_damaged_statistics_are_refused(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    """A file of statistics that somebody edited badly is refused at its line."""
    path = tmp_path / "statistics.csv"
    write_statistics(path, [ROW])
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    with pytest.raises(MarketDataError) as caught:
        read_statistics(path)

    assert (caught.value.line, caught.value.reason) == (line, reason)


def test_damaged_returns_are_refused(tmp_path: Path) -> None:
    """A monthly return whose month is none is refused at its line."""
    path = tmp_path / "monthly_returns.csv"
    write_monthly_returns(path, [MonthlyReturn("A", "2000-02", 0.1), MonthlyReturn("A", "?", 0.1)])

    with pytest.raises(MarketDataError) as caught:
        read_monthly_returns(path)

    assert str(caught.value) == "monthly_returns.csv, line 3: month is not like '2000-01': '?'"
