"""Statistics and monthly returns are joined by symbol, and only if they belong together."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.pipelines.market_data.analysis import MonthlyReturn, SymbolStatistics
from automation.pipelines.market_data.analyzer import analyze
from automation.pipelines.market_data.merger import merge
from automation.pipelines.market_data.quote import Quote


def statistics_of(symbol: str, *, monthly_returns: int) -> SymbolStatistics:
    """Make statistics in which only the symbol and the number of returns matter."""
    return SymbolStatistics(
        symbol=symbol,
        quotes=4,
        first_date=dt.date(2000, 1, 31),
        last_date=dt.date(2000, 4, 28),
        last_close=1.0,
        total_return=0.0,
        monthly_returns=monthly_returns,
        volatility=None,
        largest_drawdown=0.0,
    )


def test_each_symbol_gets_its_best_and_worst_month() -> None:
    """The highest and lowest returns are picked per symbol; of equals, the earliest month."""
    low, high, again = (
        MonthlyReturn("A", "2000-02", -0.1),
        MonthlyReturn("A", "2000-03", 0.3),
        MonthlyReturn("A", "2000-04", 0.3),
    )

    (row,) = merge([statistics_of("A", monthly_returns=3)], [again, high, low])

    assert (row.best, row.worst) == (high, low)


def test_a_symbol_without_returns_has_no_best_month() -> None:
    """One month of quotes is in the report all the same, with no best and no worst month."""
    (row,) = merge([statistics_of("A", monthly_returns=0)], [])

    assert (row.best, row.worst) == (None, None)


@pytest.mark.parametrize("count", [0, 2])
def test_another_number_of_returns_is_refused(count: int) -> None:
    """Returns that are more or fewer than the statistics say are of another run."""
    returns = [MonthlyReturn("A", "2000-02", 0.1)]

    with pytest.raises(ValueError, match=f"are of {count} monthly returns, but there are 1"):
        merge([statistics_of("A", monthly_returns=count)], returns)


def test_returns_of_an_unknown_symbol_are_refused() -> None:
    """Returns of symbols that have no statistics are refused, and the symbols named."""
    returns = [MonthlyReturn("C", "2000-02", 0.1), MonthlyReturn("B", "2000-02", 0.1)]

    with pytest.raises(ValueError, match="monthly returns without statistics: B, C"):
        merge([statistics_of("A", monthly_returns=0)], returns)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("ABC"), st.dates(dt.date(2000, 1, 1), dt.date(2001, 12, 31))),
        st.floats(0.01, 1e6),
    )
)
def test_what_the_analyzer_gives_always_merges(prices: dict[tuple[str, dt.date], float]) -> None:
    """For any quotes the report has each symbol once, and no month beyond best and worst."""
    analysis = analyze(Quote(symbol, day, close) for (symbol, day), close in prices.items())

    rows = merge(analysis.statistics, analysis.monthly_returns)

    assert [row.statistics for row in rows] == list(analysis.statistics)
    extremes = {row.statistics.symbol: (row.worst, row.best) for row in rows}
    for monthly in analysis.monthly_returns:
        worst, best = extremes[monthly.symbol]
        assert worst is not None
        assert best is not None
        assert worst.value <= monthly.value <= best.value
