"""From statistics and monthly returns, written by the analyzer, to the rows of one report.

The two files are read back separately, so they could be of different runs. The merger refuses a
pair that cannot belong together rather than report numbers that never stood side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from automation.pipelines.market_data.analysis import MonthlyReturn, SymbolStatistics
from automation.pipelines.market_data.report import ReportRow

__all__ = [
    "merge",
]


def merge(
    statistics: Iterable[SymbolStatistics], returns: Iterable[MonthlyReturn]
) -> list[ReportRow]:
    """Join each symbol's statistics with its best and worst month, in the order of statistics.

    Raises:
        ValueError: A symbol has returns but no statistics, or another number of returns than its
            statistics say.
    """
    by_symbol: dict[str, list[MonthlyReturn]] = {}
    for monthly in returns:
        by_symbol.setdefault(monthly.symbol, []).append(monthly)
    rows = []
    for numbers in statistics:
        own = by_symbol.pop(numbers.symbol, [])
        if len(own) != numbers.monthly_returns:
            reason = (
                f"statistics of {numbers.symbol} are of {numbers.monthly_returns} monthly returns, "
                f"but there are {len(own)}"
            )
            raise ValueError(reason)
        rows.append(_report_row(numbers, own))
    if by_symbol:
        raise ValueError(f"monthly returns without statistics: {', '.join(sorted(by_symbol))}")
    return rows


def _report_row(numbers: SymbolStatistics, own: list[MonthlyReturn]) -> ReportRow:
    by_month = sorted(own, key=attrgetter("month"))
    return ReportRow(
        statistics=numbers,
        best=max(by_month, key=attrgetter("value"), default=None),
        worst=min(by_month, key=attrgetter("value"), default=None),
    )
