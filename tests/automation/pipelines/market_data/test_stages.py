"""The three stages, called as the orchestrator calls them, on real files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.stages import analyzer, merger, translator

if TYPE_CHECKING:
    from ledger import StageContext

STAGES = (translator, analyzer, merger)
RESULTS = ["monthly_returns.csv", "quotes.csv", "report.csv", "report.md", "statistics.csv"]
PRICES = """\
symbol,date,price
A,Jan 31 2000,10
A,Feb 29 2000,15
A,Mar 31 2000,12
B,2000-01-31,1
"""


@dataclass(frozen=True, slots=True)
class RecordingStage:
    """What a stage is given: parameters to read, and a place for its metrics."""

    parameters: Mapping[str, object]
    metrics: dict[str, float] = field(default_factory=dict)

    def metric(self, name: str, value: float) -> None:
        """Keep a metric."""
        self.metrics[name] = value


def run(function: Callable[[StageContext], None], **parameters: object) -> dict[str, float]:
    """Call one stage and give its metrics."""
    stage = RecordingStage(parameters)
    function(cast("StageContext", stage))
    return stage.metrics


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Give a folder of market files: one CSV with two symbols."""
    folder = tmp_path / "market"
    folder.mkdir()
    (folder / "prices.csv").write_text(PRICES, encoding="utf-8")
    return folder


def test_the_stages_lead_from_market_files_to_a_report(tmp_path: Path, market: Path) -> None:
    """Run in order, each stage reads what the one before wrote, and counts what it did."""
    parameters = {"input": str(market), "output": str(tmp_path / "new" / "results")}

    metrics = [run(stage, **parameters) for stage in STAGES]

    assert metrics == [
        {"files_read": 1, "rows_read": 4, "rows_written": 4, "symbols": 2},
        {"files_read": 1, "rows_read": 4, "rows_written": 4, "symbols": 2},
        {"files_read": 2, "rows_read": 4, "rows_written": 2, "symbols": 2},
    ]
    results = tmp_path / "new" / "results"
    assert sorted(path.name for path in results.iterdir()) == RESULTS
    assert (results / "report.csv").read_text(encoding="utf-8").splitlines()[2] == (
        "B,1,2000-01-31,2000-01-31,1.0,0.0,0,,0.0,,,,"
    )


def test_a_second_run_gives_the_same_bytes(tmp_path: Path, market: Path) -> None:
    """Every stage may run again, alone or with all: it replaces its files by equal ones."""
    parameters = {"input": str(market), "output": str(tmp_path / "results")}
    for stage in STAGES:
        run(stage, **parameters)
    first = {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir()}

    for stage in (*STAGES, merger, analyzer, merger, translator):
        run(stage, **parameters)

    again = {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir()}
    assert again == first


def test_new_market_files_replace_the_old_results(tmp_path: Path, market: Path) -> None:
    """Nothing of an earlier, larger run is left in the results of the next."""
    parameters = {"input": str(market), "output": str(tmp_path / "results")}
    for stage in STAGES:
        run(stage, **parameters)
    (market / "prices.csv").write_text("symbol,date,price\nC,Jan 1 2000,5\n", encoding="utf-8")

    for stage in STAGES:
        run(stage, **parameters)

    for name in RESULTS:
        text = (tmp_path / "results" / name).read_text(encoding="utf-8")
        assert "\nA," not in text
        assert "| A " not in text


def test_a_bad_market_file_fails_the_translator_and_writes_nothing(
    tmp_path: Path, market: Path
) -> None:
    """The error reaches the caller with file and line, and no results and no metrics appear."""
    with (market / "prices.csv").open("a", encoding="utf-8") as file:
        file.write("A,Apr 28 2000,n/a\n")
    stage = RecordingStage({"input": str(market), "output": str(tmp_path / "results")})

    with pytest.raises(MarketDataError, match=r"prices\.csv, line 6: price is not a number: 'n/a'"):
        translator(cast("StageContext", stage))

    assert not (tmp_path / "results").exists()
    assert stage.metrics == {}


@pytest.mark.parametrize("stage", [analyzer, merger])
def test_a_stage_without_its_input_names_the_file(
    tmp_path: Path, stage: Callable[[StageContext], None]
) -> None:
    """Run before its turn, a stage says which file is not there."""
    with pytest.raises(MarketDataError, match=r"(quotes|statistics)\.csv: no such file"):
        run(stage, output=str(tmp_path))


def test_results_of_different_runs_are_not_merged(tmp_path: Path, market: Path) -> None:
    """Statistics beside monthly returns of another run are refused, and the old report stays."""
    parameters = {"input": str(market), "output": str(tmp_path)}
    for stage in STAGES:
        run(stage, **parameters)
    report = (tmp_path / "report.md").read_bytes()
    returns = (
        (tmp_path / "monthly_returns.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    )
    (tmp_path / "monthly_returns.csv").write_text("".join(returns[:-1]), encoding="utf-8")

    with pytest.raises(MarketDataError, match="statistics of A are of 2 monthly returns, but"):
        run(merger, **parameters)

    assert (tmp_path / "report.md").read_bytes() == report


@pytest.mark.parametrize("parameters", [{}, {"output": ""}, {"output": None}])
def test_the_output_must_be_named(parameters: dict[str, object]) -> None:
    """Without an output folder a stage fails, rather than write somewhere."""
    for stage in STAGES:
        with pytest.raises(ValueError, match="parameter 'output' must name a folder"):
            run(stage, **parameters)


def test_a_parameter_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A number where a folder belongs is a mistake in the pipeline file, and named as such."""
    with pytest.raises(
        TypeError, match="parameter 'input' must be text that names a folder, not 7"
    ):
        run(translator, input=7, output=str(tmp_path))


def test_results_do_not_go_where_market_files_are(market: Path) -> None:
    """Input and output in one folder are refused, however the folder is spelled."""
    with pytest.raises(ValueError, match="name the same folder"):
        run(translator, input=str(market), output=f"{market}{os.sep}..{os.sep}{market.name}")

    assert [path.name for path in market.iterdir()] == ["prices.csv"]
