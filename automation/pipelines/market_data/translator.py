"""From a folder of market files, of whatever known shape, to quotes in the normal form.

A file's shape is told by its content, not its name. To teach the pipeline another shape, write its
two functions, one that recognises a text and one that reads it, and add a row to SHAPES.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from automation.pipelines.market_data.candles import read_candles, recognise_candles
from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.price_table import read_price_table, recognise_price_table
from automation.pipelines.market_data.quote import Quote
from automation.pipelines.market_data.text_file import read_text

__all__ = [
    "SHAPES",
    "Shape",
    "Translation",
    "read_market_file",
    "translate_files",
    "translate_folder",
]

_SUFFIXES = frozenset({".csv", ".json"})


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of market file.

    Attributes:
        description: What it looks like, to finish the sentence "the file is neither ... nor ...".
        recognises: Whether a text is meant as this shape, even if it turns out to be a bad one.
        read: From path and text to quotes, each with its 1-based line.
    """

    description: str
    recognises: Callable[[str], bool]
    read: Callable[[Path, str], Iterator[tuple[int, Quote]]]


SHAPES = (
    Shape("a CSV with the columns symbol, date and price", recognise_price_table, read_price_table),
    Shape("a JSON array of objects with date and close", recognise_candles, read_candles),
)


@dataclass(frozen=True, slots=True)
class Translation:
    """What a folder of market files holds.

    Attributes:
        quotes: Every quote of every file, sorted by symbol and date; no two alike in both.
        files_read: How many files they came from.
    """

    quotes: tuple[Quote, ...]
    files_read: int


def translate_folder(folder: Path) -> Translation:
    """Read every `*.csv` and `*.json` file directly in a folder, hidden ones excepted.

    Raises:
        MarketDataError: The folder is missing or holds no such file, or a file is bad.
    """
    if not folder.is_dir():
        reason = "is not a folder" if folder.exists() else "no such folder"
        raise MarketDataError(folder, None, reason)
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not files:
        raise MarketDataError(folder, None, "folder holds no *.csv or *.json file")
    return translate_files(files)


def translate_files(files: Iterable[Path]) -> Translation:
    """Read market files; the order in which they are given makes no difference.

    Two prices for one symbol on one day are refused, in one file as across files: to choose
    between them would be to invent a rule that the data does not hold.

    Raises:
        MarketDataError: A file is bad, or repeats a quote.
    """
    seen: dict[tuple[str, dt.date], tuple[Path, int]] = {}
    quotes = []
    # Sorted, so that of two files that disagree always the same one is blamed.
    in_order = sorted(files)
    for path in in_order:
        for line, quote in read_market_file(path):
            first = seen.setdefault((quote.symbol, quote.date), (path, line))
            if first != (path, line):
                reason = (
                    f"duplicate quote for {quote.symbol} on {quote.date}, "
                    f"first seen in {first[0].name}, line {first[1]}"
                )
                raise MarketDataError(path, line, reason)
            quotes.append(quote)
    return Translation(quotes=tuple(sorted(quotes)), files_read=len(in_order))


def read_market_file(path: Path) -> list[tuple[int, Quote]]:
    """Read one market file: each quote with its 1-based line, in the file's order.

    Raises:
        MarketDataError: The file is empty, of no known shape, or wrong somewhere.
    """
    text = read_text(path)
    if not text.strip():
        raise MarketDataError(path, 1, "file is empty")
    for shape in SHAPES:
        if shape.recognises(text):
            quotes = list(shape.read(path, text))
            if not quotes:
                raise MarketDataError(path, 1, "file holds no quotes")
            return quotes
    known = " nor ".join(shape.description for shape in SHAPES)
    raise MarketDataError(path, 1, f"unknown shape: the file is neither {known}")
