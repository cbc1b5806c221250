"""A market data error carries its place as data, and says it in words."""

from __future__ import annotations

import pickle
from pathlib import Path

from automation.pipelines.market_data.errors import MarketDataError


def test_an_error_names_file_line_and_reason() -> None:
    """The text is short: the file's name, the line, the reason."""
    error = MarketDataError(Path("data/prices.csv"), 17, "price is not a number: 'n/a'")

    assert str(error) == "prices.csv, line 17: price is not a number: 'n/a'"


def test_an_error_without_a_line_names_the_whole_path() -> None:
    """Where a folder is at fault its whole path is said, since a name alone would not find it."""
    error = MarketDataError(Path("market/data"), None, "no such folder")

    assert str(error) == f"{Path('market/data')}: no such folder"


def test_an_error_crosses_process_borders() -> None:
    """An error that was pickled and read back says and carries the same."""
    error = pickle.loads(pickle.dumps(MarketDataError(Path("a.csv"), 2, "bad")))  # noqa: S301 - our own bytes

    assert (error.file, error.line, error.reason) == (Path("a.csv"), 2, "bad")
    assert str(error) == "a.csv, line 2: bad"
