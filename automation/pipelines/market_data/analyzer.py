"""From quotes to returns, volatility and drawdown per symbol.

The definitions, in full:

- Monthly return: last close of a month over last close of the calendar month before, minus 1. The
  first month has none, nor has a month that follows one without quotes: a return over two months
  must not pass for one over one.
- Volatility: sample standard deviation (divisor n - 1) of the monthly returns. It is not
  annualised. With fewer than two returns there is none. Two months of daily closes, as in the
  shipped `ohlc.json`, are one monthly return, so no volatility.
- Largest drawdown: the largest of 1 - close / highest close so far. It sees only the closes it is
  given: with monthly closes, a fall within a month does not show.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from automation.pipelines.market_data.analysis import MonthlyReturn, SymbolStatistics
from automation.pipelines.market_data.quote import Quote

__all__ = [
    "Analysis",
    "analyze",
    "largest_drawdown",
    "monthly_returns",
    "volatility",
]

_FEWEST_RETURNS_FOR_VOLATILITY = 2


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the quotes of any number of symbols tell.

    Attributes:
        statistics: One per symbol, sorted by symbol.
        monthly_returns: Sorted by symbol and month.
    """

    statistics: tuple[SymbolStatistics, ...]
    monthly_returns: tuple[MonthlyReturn, ...]


def analyze(quotes: Iterable[Quote]) -> Analysis:
    """Work out statistics and monthly returns of every symbol; the quotes come in any order."""
    all_statistics = []
    all_returns: list[MonthlyReturn] = []
    for _, group in groupby(sorted(quotes), key=attrgetter("symbol")):
        symbol_quotes = list(group)
        returns = monthly_returns(symbol_quotes)
        all_returns += returns
        all_statistics.append(_symbol_statistics(symbol_quotes, returns))
    return Analysis(statistics=tuple(all_statistics), monthly_returns=tuple(all_returns))


def monthly_returns(quotes: Sequence[Quote]) -> list[MonthlyReturn]:
    """Work out the monthly returns of one symbol, oldest first.

    Args:
        quotes: The symbol's quotes, oldest first.
    """
    # Keyed by months since year 0, so that "the month before" is minus 1 across a new year too.
    # A later quote of the same month replaces the earlier: what stays is the month's last.
    last_of_month = {quote.date.year * 12 + quote.date.month - 1: quote for quote in quotes}
    return [
        MonthlyReturn(
            symbol=quote.symbol,
            # Cut from the ISO form, since strftime leaves early years unpadded on some systems.
            month=quote.date.isoformat()[:7],
            value=quote.close / last_of_month[month - 1].close - 1,
        )
        for month, quote in last_of_month.items()
        if month - 1 in last_of_month
    ]


def volatility(returns: Sequence[float]) -> float | None:
    """Give the sample standard deviation of monthly returns, or None with fewer than two."""
    if len(returns) < _FEWEST_RETURNS_FOR_VOLATILITY:
        return None
    return statistics.stdev(returns)


def largest_drawdown(closes: Iterable[float]) -> float:
    """Give the largest fall from a close to a later one, as a fraction of the former.

    Args:
        closes: Prices above zero, oldest first.

    Returns:
        A fraction from 0, where no close is below an earlier one, to below 1.
    """
    largest = peak = 0.0
    for close in closes:
        peak = max(peak, close)
        largest = max(largest, 1 - close / peak)
    return largest


def _symbol_statistics(
    quotes: Sequence[Quote], returns: Sequence[MonthlyReturn]
) -> SymbolStatistics:
    first, last = quotes[0], quotes[-1]
    return SymbolStatistics(
        symbol=first.symbol,
        quotes=len(quotes),
        first_date=first.date,
        last_date=last.date,
        last_close=last.close,
        total_return=last.close / first.close - 1,
        monthly_returns=len(returns),
        volatility=volatility([monthly.value for monthly in returns]),
        largest_drawdown=largest_drawdown(quote.close for quote in quotes),
    )
