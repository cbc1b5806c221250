"""The pipeline file runs as shipped, and the figures it gives are those of the real data.

The figures are worked out here a second time, from the files themselves and by the plainest means.
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import pytest

from automation.pipelines.market_data.stages import SHIPPED_DATA
from automation.pipelines.market_data.translator import translate_folder
from ledger import EventLog, RunContext

PIPELINE = tomllib.loads((SHIPPED_DATA.parent / "pipeline.toml").read_text(encoding="utf-8"))
ROWS = MappingProxyType({"AAPL": 123, "AMZN": 123, "GOOG": 68, "IBM": 123, "MSFT": 123, "OHLC": 44})


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the stages of the shipped pipeline file, in order, recorded in a ledger of their own."""
    output = tmp_path_factory.mktemp("results")
    parameters = PIPELINE["parameters"] | {"output": str(output)}
    with (
        EventLog.open(tmp_path_factory.mktemp("runs")) as log,
        RunContext.start(log, pipeline=PIPELINE["name"], parameters=parameters) as run,
    ):
        for planned in PIPELINE["stage"]:
            module, _, name = planned["call"].partition(":")
            with run.stage(planned["name"]) as stage:
                getattr(importlib.import_module(module), name)(stage)
    return output


def report_of(results: Path, symbol: str) -> dict[str, str]:
    """Give one symbol's row of the report."""
    with (results / "report.csv").open(encoding="utf-8", newline="") as file:
        return next(row for row in csv.DictReader(file) if row["symbol"] == symbol)


def monthly_closes(symbol: str) -> list[float]:
    """Give a symbol's prices straight from the shipped CSV, which has one a month, in order."""
    lines = (SHIPPED_DATA / "stocks.csv").read_text(encoding="utf-8").splitlines()
    return [float(line.split(",")[2]) for line in lines if line.startswith(f"{symbol},")]


def test_the_pipeline_file_names_its_three_stages() -> None:
    """The file holds the stages in their order, and leaves the input to the shipped data."""
    assert PIPELINE["name"] == "market-data"
    assert [stage["name"] for stage in PIPELINE["stage"]] == ["translator", "analyzer", "merger"]
    assert PIPELINE["parameters"]["input"] == ""


def test_the_shipped_files_are_the_published_ones() -> None:
    """The data is byte for byte what the README beside it says it is."""
    readme = (SHIPPED_DATA / "README.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"\| `(\S+)` \| `([0-9a-f]{64})` \|", readme))

    found = {
        name: hashlib.sha256((SHIPPED_DATA / name).read_bytes()).hexdigest()
        for name in ("ohlc.json", "stocks.csv")
    }

    assert found == named


def test_the_shipped_data_has_the_known_rows() -> None:
    """Two files give 604 quotes: 560 of five companies, 44 of the index."""
    translation = translate_folder(SHIPPED_DATA)
    counts = dict.fromkeys(ROWS, 0)
    for quote in translation.quotes:
        counts[quote.symbol] += 1

    assert translation.files_read == 2
    assert len(translation.quotes) == 604
    assert counts == dict(ROWS)


def test_the_report_covers_every_symbol(results: Path) -> None:
    """Each symbol has its row in both reports, with the number of quotes the files hold."""
    with (results / "report.csv").open(encoding="utf-8", newline="") as file:
        counts = {row["symbol"]: int(row["quotes"]) for row in csv.DictReader(file)}
    page = (results / "report.md").read_text(encoding="utf-8")

    assert counts == dict(ROWS)
    assert "Symbols: 6. Quotes: 604, from 2000-01-01 to 2010-03-01." in page
    assert all(f"\n| {symbol} " in page for symbol in ROWS)


@pytest.mark.parametrize("symbol", ["AAPL", "AMZN", "GOOG", "IBM", "MSFT"])
def test_figures_agree_with_a_count_by_hand(results: Path, symbol: str) -> None:
    """Volatility, drawdown and total return are those that the plain formulas give."""
    closes = monthly_closes(symbol)
    returns = [after / before - 1 for before, after in pairwise(closes)]
    mean = sum(returns) / len(returns)
    variance = sum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    falls = [
        (closes[peak] - closes[trough]) / closes[peak]
        for peak in range(len(closes))
        for trough in range(peak, len(closes))
    ]

    row = report_of(results, symbol)

    assert int(row["monthly_returns"]) == len(returns)
    assert float(row["volatility"]) == pytest.approx(variance**0.5)
    assert float(row["largest_drawdown"]) == pytest.approx(max(falls))
    assert float(row["total_return"]) == pytest.approx(closes[-1] / closes[0] - 1)
    assert float(row["best_return"]) == pytest.approx(max(returns))
    assert float(row["worst_return"]) == pytest.approx(min(returns))


def test_two_months_of_days_give_one_return_and_no_volatility(results: Path) -> None:
    """The index's one return is July's last close over June's; one return has no deviation."""
    candles = json.loads((SHIPPED_DATA / "ohlc.json").read_text(encoding="utf-8"))
    june = [candle["close"] for candle in candles if candle["date"].startswith("2009-06")]
    july = [candle["close"] for candle in candles if candle["date"].startswith("2009-07")]

    row = report_of(results, "OHLC")

    assert (row["monthly_returns"], row["volatility"]) == ("1", "")
    assert row["best_month"] == row["worst_month"] == "2009-07"
    assert float(row["best_return"]) == pytest.approx(july[-1] / june[-1] - 1)
    assert (june[-1], july[-1]) == (26.35, 25.92)
