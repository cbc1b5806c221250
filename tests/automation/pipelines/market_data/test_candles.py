"""The JSON shape: an array of candles, walked object by object so that each has its line."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.pipelines.market_data.candles import read_candles, recognise_candles
from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.quote import Quote

SOURCE = Path("vix.json")
CANDLE = '{"date": "2009-06-01", "open": 1, "high": 3, "low": 1, "close": 2}'

BAD_CANDLES = [
    (CANDLE.replace("2}", '"n/a"}'), 4, "close is not a number: 'n/a'"),
    (CANDLE.replace("2}", "NaN}"), 4, "close is not finite: nan"),
    (CANDLE.replace("2}", "-Infinity}"), 4, "close is not finite: -inf"),
    (CANDLE.replace("2}", "1" * 5000 + "}"), 4, "close is not finite: inf"),
    (CANDLE.replace("2}", "0}"), 4, "close is not above zero: 0.0"),
    (CANDLE.replace("2}", "null}"), 4, "close is not a number: None"),
    (CANDLE.replace("2}", "true}"), 4, "close is not a number: True"),
    (CANDLE.replace("06-01", "06-31"), 4, "date is not in the calendar: '2009-06-31'"),
    (CANDLE.replace('"close"', '"last"'), 4, "object has no key 'close'"),
    (CANDLE.replace('"high"', '\n"top"'), 4, "object has no key 'high'"),
    ("17", 4, "not an object"),
    (CANDLE.replace(', "close"', '\n "close"'), 5, "not JSON: Expecting ',' delimiter"),
    (CANDLE + CANDLE, 4, "not JSON: Expecting ',' delimiter"),
    (CANDLE.replace("2}", "}"), 4, "not JSON: Expecting value"),
    ("[" * 200_000, 4, "not JSON: nested too deeply"),
]

BROKEN_ARRAYS = [
    ("[", 1, "not JSON: Expecting value"),
    (f"[\n{CANDLE}\n", 3, "not JSON: Expecting ',' delimiter"),
    (f"[\n{CANDLE},\n]", 3, "not JSON: Expecting value"),
    (f"[{CANDLE}]\n\n[", 3, "not JSON: Extra data"),
    ("[],", 1, "not JSON: Extra data"),
]


@pytest.mark.parametrize(("candle", "line", "reason"), BAD_CANDLES)
def test_a_bad_candle_is_refused_at_its_line(candle: str, line: int, reason: str) -> None:
    """Each kind of bad object is refused with the line on which it starts, or its JSON breaks."""
    day_before = CANDLE.replace("06-01", "05-29")
    text = f"\n[\n{day_before},\n{candle},\n{CANDLE}\n]\n"

    with pytest.raises(MarketDataError) as caught:
        list(read_candles(SOURCE, text))

    assert str(caught.value) == f"vix.json, line {line}: {reason}"


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN_ARRAYS)
def test_a_broken_array_is_refused(text: str, line: int, reason: str) -> None:
    """An array that is cut, or followed by more, is refused with the line where that shows."""
    assert recognise_candles(text)
    with pytest.raises(MarketDataError) as caught:
        list(read_candles(SOURCE, text))

    assert (caught.value.line, caught.value.reason) == (line, reason)


def test_the_symbol_is_the_name_of_the_file() -> None:
    """The file's name without suffix, in capitals, stands in for the symbol that is not there."""
    text = f"[{CANDLE}]"

    assert list(read_candles(Path("some/vix.daily.json"), text)) == [
        (1, Quote("VIX.DAILY", dt.date(2009, 6, 1), 2.0))
    ]


@given(
    closes=st.lists(st.floats(0.01, 1e6) | st.integers(1, 10**6), max_size=20),
    indent=st.none() | st.integers(0, 3),
    blanks=st.text(" \t\r\n", max_size=4),
)
def test_walking_agrees_with_parsing_at_once(
    closes: list[float], indent: int | None, blanks: str
) -> None:
    """However the array is laid out, the walk gives what json.loads gives, at the right lines."""
    first = dt.date(2009, 6, 1)
    candles = [
        {
            "date": (first + dt.timedelta(days=day)).isoformat(),
            "open": 1,
            "high": 1,
            "low": 1,
            "close": close,
            "signal": "a ] } , b\n",
        }
        for day, close in enumerate(closes)
    ]
    text = blanks + json.dumps(candles, indent=indent) + blanks

    found = list(read_candles(SOURCE, text))

    assert [quote.close for _, quote in found] == [item["close"] for item in json.loads(text)]
    starts = [
        number for number, row in enumerate(text.split("\n"), 1) for _ in range(row.count("{"))
    ]
    assert [line for line, _ in found] == starts
