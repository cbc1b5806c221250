"""The report, as values, and its two files: `report.csv` for programs, `report.md` for people.

Both hold the same rows. The CSV has full precision and fractions; the Markdown has rounded
percentages in columns that line up even where nobody renders it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from automation.pipelines.market_data.analysis import (
    STATISTICS_COLUMNS,
    MonthlyReturn,
    SymbolStatistics,
)
from automation.pipelines.market_data.table import write_rows
from automation.pipelines.market_data.text_file import publish

__all__ = [
    "REPORT_COLUMNS",
    "ReportRow",
    "markdown",
    "write_report_csv",
    "write_report_markdown",
]

REPORT_COLUMNS = (*STATISTICS_COLUMNS, "best_month", "best_return", "worst_month", "worst_return")

_ABSENT = "n/a"

# Heading and alignment of each column of the Markdown table, in order.
_MARKDOWN_COLUMNS = (
    ("Symbol", "left"),
    ("Quotes", "right"),
    ("First", "left"),
    ("Last", "left"),
    ("Last close", "right"),
    ("Total return", "right"),
    ("Volatility", "right"),
    ("Largest drawdown", "right"),
    ("Best month", "right"),
    ("Worst month", "right"),
)

_NOTES = """\
- Total return: last close over first close.
- Volatility: sample standard deviation of monthly returns, not annualised; n/a with fewer than two.
- Largest drawdown: the largest fall from a close to a later one.
- Best and worst month: by last close of the month over last close of the month before.
"""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One symbol's statistics, joined with its most remarkable months.

    Attributes:
        statistics: The symbol in a few numbers.
        best: The month with the highest return, the earliest of equals; None without returns.
        worst: The month with the lowest return, the earliest of equals; None without returns.
    """

    statistics: SymbolStatistics
    best: MonthlyReturn | None
    worst: MonthlyReturn | None


def write_report_csv(path: Path, rows: Sequence[ReportRow]) -> None:
    """Publish the report for programs: fractions in full precision, absent values empty."""
    write_rows(path, REPORT_COLUMNS, [_csv_cells(row) for row in rows])


def write_report_markdown(path: Path, rows: Sequence[ReportRow]) -> None:
    """Publish the report for people."""
    publish(path, markdown(rows))


def markdown(rows: Sequence[ReportRow]) -> str:
    """Render at least one row as a Markdown page with one table."""
    quotes = sum(row.statistics.quotes for row in rows)
    first = min(row.statistics.first_date for row in rows)
    last = max(row.statistics.last_date for row in rows)
    summary = f"Symbols: {len(rows)}. Quotes: {quotes}, from {first} to {last}."
    table = "\n".join(_table_lines([_markdown_cells(row) for row in rows]))
    return f"# Market data report\n\n{summary}\n\n{table}\n\n{_NOTES}"


def _csv_cells(row: ReportRow) -> list[object]:
    cells: list[object] = [getattr(row.statistics, column) for column in STATISTICS_COLUMNS]
    for monthly in (row.best, row.worst):
        cells += [None, None] if monthly is None else [monthly.month, monthly.value]
    return cells


def _markdown_cells(row: ReportRow) -> list[str]:
    numbers = row.statistics
    return [
        # The only free text of the table: a bare bar in it would start a new column.
        numbers.symbol.replace("\\", "\\\\").replace("|", "\\|"),
        str(numbers.quotes),
        str(numbers.first_date),
        str(numbers.last_date),
        # Six decimals show even the lowest price that a quote may have.
        f"{numbers.last_close:,.2f}" if numbers.last_close >= 1 else f"{numbers.last_close:.6f}",
        f"{numbers.total_return:+,.1%}",
        _ABSENT if numbers.volatility is None else f"{numbers.volatility:.1%}",
        f"{numbers.largest_drawdown:.1%}",
        _month_cell(row.best),
        _month_cell(row.worst),
    ]


def _month_cell(monthly: MonthlyReturn | None) -> str:
    return _ABSENT if monthly is None else f"{monthly.month} {monthly.value:+,.1%}"


def _table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    headings = [heading for heading, _ in _MARKDOWN_COLUMNS]
    sides = [side for _, side in _MARKDOWN_COLUMNS]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    rule = [
        ":" + "-" * (width - 1) if side == "left" else "-" * (width - 1) + ":"
        for width, side in zip(widths, sides, strict=True)
    ]
    padded = [
        [
            cell.ljust(width) if side == "left" else cell.rjust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ]
        for row in (headings, *rows)
    ]
    return [f"| {' | '.join(cells)} |" for cells in (padded[0], rule, *padded[1:])]
