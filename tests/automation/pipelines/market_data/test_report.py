"""The report reads well as text, and its CSV has every figure in full."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

from automation.pipelines.market_data.analysis import MonthlyReturn, SymbolStatistics
from automation.pipelines.market_data.report import (
    REPORT_COLUMNS,
    ReportRow,
    markdown,
    write_report_csv,
    write_report_markdown,
)

APPLE = ReportRow(
    statistics=SymbolStatistics(
        symbol="AAPL",
        quotes=123,
        first_date=dt.date(2000, 1, 1),
        last_date=dt.date(2010, 3, 1),
        last_close=1223.02,
        total_return=12.3456,
        monthly_returns=122,
        volatility=0.1494,
        largest_drawdown=0.7959,
    ),
    best=MonthlyReturn("AAPL", "2004-10", 0.3523),
    worst=MonthlyReturn("AAPL", "2000-09", -0.5774),
)
PENNY = ReportRow(
    statistics=SymbolStatistics(
        symbol="P|Y",
        quotes=1,
        first_date=dt.date(1999, 12, 31),
        last_date=dt.date(1999, 12, 31),
        last_close=0.000012,
        total_return=0.0,
        monthly_returns=0,
        volatility=None,
        largest_drawdown=0.0,
    ),
    best=None,
    worst=None,
)


def test_the_page_has_one_aligned_table() -> None:
    """Columns line up even unrendered: every line is as long, and numbers end below each other."""
    heading, rule, apple, penny = [
        line for line in markdown([APPLE, PENNY]).splitlines() if line.startswith("|")
    ]

    assert len(heading) == len(rule) == len(apple) == len(penny)
    assert heading.startswith("| Symbol | Quotes | First      | Last       | Last close | ")
    assert rule.startswith("| :----- | -----: | :--------- | :--------- | ---------: | ")
    assert apple.startswith("| AAPL   |    123 | 2000-01-01 | 2010-03-01 |   1,223.02 | ")
    assert penny.startswith("| P\\|Y   |      1 | 1999-12-31 | 1999-12-31 |   0.000012 | ")


def test_figures_are_written_for_people() -> None:
    """Percentages are rounded and changes signed, and what is absent says so."""
    apple, penny = [
        [cell.strip() for cell in line.split(" | ")][5:]
        for line in markdown([APPLE, PENNY]).removesuffix("|").splitlines()
        if line.startswith(("| AAPL", "| P"))
    ]

    assert apple == ["+1,234.6%", "14.9%", "79.6%", "2004-10 +35.2%", "2000-09 -57.7% |"]
    assert penny == ["+0.0%", "n/a", "0.0%", "n/a", "n/a |"]


def test_the_page_says_what_it_covers_and_what_the_words_mean() -> None:
    """The summary spans all symbols, and the notes give each figure's definition."""
    page = markdown([APPLE, PENNY])

    assert page.startswith("# Market data report\n\nSymbols: 2. Quotes: 124, from 1999-12-31 to ")
    assert "not annualised" in page
    assert page.endswith("the month before.\n")


def test_the_csv_has_every_figure_in_full(tmp_path: Path) -> None:
    """A program reads the same rows unrounded, with absent values as empty cells."""
    path = tmp_path / "report.csv"

    write_report_csv(path, [APPLE, PENNY])

    with path.open(encoding="utf-8", newline="") as file:
        apple, penny = csv.DictReader(file)
    assert tuple(apple) == REPORT_COLUMNS
    assert apple["last_close"] == "1223.02"
    assert (apple["best_month"], apple["best_return"]) == ("2004-10", "0.3523")
    assert (apple["worst_month"], apple["worst_return"]) == ("2000-09", "-0.5774")
    assert penny["symbol"] == "P|Y"
    assert {penny[name] for name in ("volatility", "best_month", "worst_return")} == {""}


def test_the_page_is_published_as_rendered(tmp_path: Path) -> None:
    """The file holds the page, and nothing lies beside it."""
    write_report_markdown(tmp_path / "report.md", [APPLE])

    assert (tmp_path / "report.md").read_text(encoding="utf-8") == markdown([APPLE])
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
