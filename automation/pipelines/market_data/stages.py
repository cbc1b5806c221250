"""The three stages of the pipeline, each a function of one argument: the stage it runs as.

Each reads files, hands values to its pure module, writes files, and records what it counted. Their
parameters:

- `input`: the folder of market files; empty or absent means the data shipped beside this module.
- `output`: the folder for results, relative to the working directory.

Files in the output folder, by the stage that writes them::

    translator  quotes.csv
    analyzer    statistics.csv, monthly_returns.csv
    merger      report.csv, report.md

Every stage may be run again at any time: it replaces its files whole, and the same input gives the
same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automation.pipelines.market_data.analysis import (
    read_monthly_returns,
    read_statistics,
    write_monthly_returns,
    write_statistics,
)
from automation.pipelines.market_data.analyzer import analyze
from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.merger import merge
from automation.pipelines.market_data.quote import read_quotes, write_quotes
from automation.pipelines.market_data.report import write_report_csv, write_report_markdown
from automation.pipelines.market_data.translator import translate_folder

if TYPE_CHECKING:
    from ledger import StageContext

__all__ = [
    "MONTHLY_RETURNS",
    "QUOTES",
    "REPORT_CSV",
    "REPORT_MARKDOWN",
    "SHIPPED_DATA",
    "STATISTICS",
    "analyzer",
    "merger",
    "translator",
]

SHIPPED_DATA = Path(__file__).parent / "data"

QUOTES = "quotes.csv"
STATISTICS = "statistics.csv"
MONTHLY_RETURNS = "monthly_returns.csv"
REPORT_CSV = "report.csv"
REPORT_MARKDOWN = "report.md"


def translator(stage: StageContext) -> None:
    """Turn the market files of the input folder into `quotes.csv`.

    Raises:
        MarketDataError: A market file or the folder is bad.
        ValueError: A parameter is wrong, or input and output are the same folder.
    """
    source = _folder(stage, "input") or SHIPPED_DATA
    output = _output(stage)
    if source.resolve() == output.resolve():
        # The results would be taken for market files on the next run.
        raise ValueError(f"parameters 'input' and 'output' name the same folder: {output}")
    translation = translate_folder(source)
    write_quotes(output / QUOTES, translation.quotes)
    stage.metric("files_read", translation.files_read)
    stage.metric("rows_read", len(translation.quotes))
    stage.metric("rows_written", len(translation.quotes))
    stage.metric("symbols", len({quote.symbol for quote in translation.quotes}))


def analyzer(stage: StageContext) -> None:
    """Turn `quotes.csv` into `statistics.csv` and `monthly_returns.csv`.

    Raises:
        MarketDataError: `quotes.csv` is missing or damaged.
        ValueError: A parameter is wrong.
    """
    output = _output(stage)
    quotes = read_quotes(output / QUOTES)
    analysis = analyze(quotes)
    write_statistics(output / STATISTICS, analysis.statistics)
    write_monthly_returns(output / MONTHLY_RETURNS, analysis.monthly_returns)
    stage.metric("files_read", 1)
    stage.metric("rows_read", len(quotes))
    stage.metric("rows_written", len(analysis.statistics) + len(analysis.monthly_returns))
    stage.metric("symbols", len(analysis.statistics))


def merger(stage: StageContext) -> None:
    """Join `statistics.csv` and `monthly_returns.csv` into `report.csv` and `report.md`.

    Raises:
        MarketDataError: One of the two is missing or damaged, or they are of different runs.
        ValueError: A parameter is wrong.
    """
    output = _output(stage)
    statistics = read_statistics(output / STATISTICS)
    returns = read_monthly_returns(output / MONTHLY_RETURNS)
    try:
        rows = merge(statistics, returns)
    except ValueError as error:
        raise MarketDataError(output, None, f"{error}; run the analyzer again") from error
    write_report_csv(output / REPORT_CSV, rows)
    write_report_markdown(output / REPORT_MARKDOWN, rows)
    stage.metric("files_read", 2)
    stage.metric("rows_read", len(statistics) + len(returns))
    stage.metric("rows_written", len(rows))
    stage.metric("symbols", len(rows))


def _output(stage: StageContext) -> Path:
    output = _folder(stage, "output")
    if output is None:
        raise ValueError("parameter 'output' must name a folder")
    return output


def _folder(stage: StageContext, name: str) -> Path | None:
    value = stage.parameters.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise TypeError(f"parameter {name!r} must be text that names a folder, not {value!r}")
    return Path(value)
