"""One shape of market file: a JSON array of candles, one object per trading day.

Such a file, shortened::

    [{"date": "2009-06-01", "open": 28.7, "high": 30.05, "low": 28.45, "close": 30.04}, ...]

Further keys are passed over. There is no symbol inside; it is the file's name without its suffix,
in capitals: `ohlc.json` holds `OHLC`.

The array is walked object by object, rather than parsed at once, for the sake of the line number:
once parsed, an object no longer knows where it stood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from automation.pipelines.market_data.cells import read_date, read_price
from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.quote import Quote

__all__ = [
    "KEYS",
    "read_candles",
    "recognise_candles",
]

KEYS = ("date", "open", "high", "low", "close")

_BLANKS = re.compile(r"[ \t\n\r]*")


def recognise_candles(text: str) -> bool:
    """Tell from its first character whether a text is meant as an array of candles."""
    return text.lstrip().startswith("[")


def read_candles(path: Path, text: str) -> Iterator[tuple[int, Quote]]:
    """Yield each quote with the 1-based line on which its object starts.

    Args:
        path: Where the text is from; its name gives the symbol.
        text: The whole file.

    Raises:
        MarketDataError: An object is wrong, with the line it starts on; or the text is not JSON,
            with the line where that shows.
    """
    symbol = path.stem.strip().upper()
    try:
        for line, candle in _numbered_items(text):
            yield line, _quote(path, line, symbol=symbol, candle=candle)
    except json.JSONDecodeError as error:
        raise MarketDataError(path, error.lineno, f"not JSON: {error.msg}") from error


def _quote(path: Path, line: int, *, symbol: str, candle: object) -> Quote:
    if not isinstance(candle, dict):
        raise MarketDataError(path, line, "not an object")
    for key in KEYS:
        if key not in candle:
            raise MarketDataError(path, line, f"object has no key {key!r}")
    try:
        return Quote(symbol, read_date(candle["date"]), read_price("close", candle["close"]))
    except ValueError as error:
        raise MarketDataError(path, line, str(error)) from error


def _numbered_items(text: str) -> Iterator[tuple[int, object]]:
    # Whole numbers become floats at once: an int of thousands of digits would be an error of its
    # own kind, while as a float it is infinite and refused like any other bad price.
    decoder = json.JSONDecoder(parse_int=float)
    at = _past_blanks(text, text.index("[") + 1)
    line = 1 + text.count("\n", 0, at)
    closed = text.startswith("]", at)
    while not closed:
        try:
            item, end = decoder.raw_decode(text, at)
        except RecursionError as error:
            raise json.JSONDecodeError("nested too deeply", text, at) from error
        yield line, item
        end = _past_blanks(text, end)
        closed = text.startswith("]", end)
        if not closed and not text.startswith(",", end):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, end)
        following = end if closed else _past_blanks(text, end + 1)
        line += text.count("\n", at, following)
        at = following
    end = _past_blanks(text, at + 1)
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _past_blanks(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return blanks.end() if blanks else at
