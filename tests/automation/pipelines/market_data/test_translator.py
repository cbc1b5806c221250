"""A folder of market files of different shapes becomes one sorted set of quotes, or an error."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.quote import Quote
from automation.pipelines.market_data.translator import (
    read_market_file,
    translate_files,
    translate_folder,
)

HEADER = "symbol,date,price\n"
ROW = "MSFT,Jan 1 2000,39.81\n"
CANDLE = '{"date": "2009-06-01", "open": 1, "high": 3, "low": 1, "close": 2}'
CANDLES = f"[{CANDLE}]"
MSFT = Quote("MSFT", dt.date(2000, 1, 1), 39.81)
OHLC = Quote("OHLC", dt.date(2009, 6, 1), 2.0)

UNKNOWN = (
    "unknown shape: the file is neither a CSV with the columns symbol, date and price "
    "nor a JSON array of objects with date and close"
)

BAD_FILES = [
    (b"", "prices.csv, line 1: file is empty"),
    (b"\xef\xbb\xbf\n \n", "prices.csv, line 1: file is empty"),
    (b"symbol,date,price\n", "prices.csv, line 1: file holds no quotes"),
    (b"[]", "prices.csv, line 1: file holds no quotes"),
    (b"open,close\n1,2\n", f"prices.csv, line 1: {UNKNOWN}"),
    (b'{"date": "2009-06-01", "close": 2}', f"prices.csv, line 1: {UNKNOWN}"),
    (b"symbol,date\nA,2000-01-01\n", "prices.csv, line 1: header has no column 'price'"),
    (b"\xff\xfes\x00y\x00", "prices.csv, line 1: not UTF-8: byte 0xff"),
    (
        (HEADER + ROW * 15 + "MSFT,Jan 2 2000,n/a\n").encode(),
        "prices.csv, line 17: price is not a number: 'n/a'",
    ),
]


def write(folder: Path, **texts: str) -> None:
    """Write files named `stem_suffix=text`."""
    for name, text in texts.items():
        (folder / ".".join(name.rsplit("_", 1))).write_text(text, encoding="utf-8")


def test_files_of_both_shapes_become_quotes(tmp_path: Path) -> None:
    """Every market file directly in the folder is read; what is hidden or else is passed over."""
    write(tmp_path, stocks_CSV=HEADER + ROW, ohlc_json=CANDLES, notes_md="# Not a market file")
    (tmp_path / ".stocks.csv").write_text("half a file", encoding="utf-8")
    (tmp_path / "old.csv").mkdir()

    translation = translate_folder(tmp_path)

    assert translation.quotes == (MSFT, OHLC)
    assert translation.files_read == 2


def test_the_shape_is_told_by_content(tmp_path: Path) -> None:
    """A JSON array in a file named .csv is read as what it is, and a CSV in .json too."""
    write(tmp_path, ohlc_csv=CANDLES, stocks_json=HEADER + ROW)

    assert translate_folder(tmp_path).quotes == (MSFT, OHLC)


def test_a_byte_order_mark_makes_no_difference(tmp_path: Path) -> None:
    """Files with a byte order mark, as spreadsheets write them, are read like those without."""
    (tmp_path / "stocks.csv").write_text(HEADER + ROW, encoding="utf-8-sig")
    (tmp_path / "ohlc.json").write_text(CANDLES, encoding="utf-8-sig")

    assert translate_folder(tmp_path).quotes == (MSFT, OHLC)


@pytest.mark.parametrize(("content", "text"), BAD_FILES)
def test_a_bad_file_is_refused(tmp_path: Path, content: bytes, text: str) -> None:
    """A file that is empty, of no known shape, not UTF-8 or wrong in a row is refused by name."""
    path = tmp_path / "prices.csv"
    path.write_bytes(content)

    with pytest.raises(MarketDataError) as caught:
        read_market_file(path)

    assert str(caught.value) == text
    assert caught.value.file == path


def test_one_bad_file_stops_the_translation(tmp_path: Path) -> None:
    """A good file does not hide a bad one beside it."""
    write(tmp_path, good_csv=HEADER + ROW, worse_csv=HEADER + "MSFT,Jan 1 2000,-1\n")

    with pytest.raises(MarketDataError, match=r"worse\.csv, line 2: price is not above zero: '-1'"):
        translate_folder(tmp_path)


def test_a_folder_without_market_files_is_named(tmp_path: Path) -> None:
    """An empty folder is an error that names it, not an empty result."""
    with pytest.raises(MarketDataError) as caught:
        translate_folder(tmp_path)

    assert str(caught.value) == f"{tmp_path}: folder holds no *.csv or *.json file"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A folder that is not there, or is a file, is an error that names it."""
    write(tmp_path, stocks_csv=HEADER + ROW)

    with pytest.raises(MarketDataError) as missing:
        translate_folder(tmp_path / "gone")
    with pytest.raises(MarketDataError) as no_folder:
        translate_folder(tmp_path / "stocks.csv")

    assert str(missing.value) == f"{tmp_path / 'gone'}: no such folder"
    assert str(no_folder.value) == f"{tmp_path / 'stocks.csv'}: is not a folder"


def test_a_duplicate_in_a_file_is_refused(tmp_path: Path) -> None:
    """A second price for a symbol and day is refused, even written in the other form of dates."""
    write(tmp_path, stocks_csv=f"{HEADER}{ROW}MSFT,Feb 1 2000,36.35\nMSFT,2000-01-01,39.81\n")

    with pytest.raises(MarketDataError) as caught:
        translate_folder(tmp_path)

    assert str(caught.value) == (
        "stocks.csv, line 4: duplicate quote for MSFT on 2000-01-01, "
        "first seen in stocks.csv, line 2"
    )


def test_a_duplicate_across_files_is_refused(tmp_path: Path) -> None:
    """Two files that both price a symbol on a day are refused, naming both places."""
    write(tmp_path, a_csv=HEADER + ROW, b_csv=HEADER + "IBM,Jan 1 2000,100\n" + ROW)
    files = [tmp_path / "b.csv", tmp_path / "a.csv"]

    with pytest.raises(MarketDataError) as caught:
        translate_files(files)

    assert str(caught.value) == (
        "b.csv, line 3: duplicate quote for MSFT on 2000-01-01, first seen in a.csv, line 2"
    )


@given(data=st.data())
def test_the_order_of_files_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """However quotes are spread over files and rows, and files listed, the result is the same."""
    folder = tmp_path_factory.mktemp("market")
    keys = st.tuples(st.sampled_from(["AAPL", "IBM", "MSFT"]), st.dates())
    prices = data.draw(st.dictionaries(keys, st.floats(0.01, 1e6), min_size=1, max_size=12))
    texts: dict[str, list[str]] = {}
    for (symbol, day), price in data.draw(st.permutations(list(prices.items()))):
        name = data.draw(st.sampled_from(["one.csv", "two.csv", "three.csv"]))
        texts.setdefault(name, []).append(f"{symbol},{day.isoformat()},{price!r}\n")
    for name, rows in texts.items():
        (folder / name).write_text(HEADER + "".join(rows), encoding="utf-8")

    translation = translate_files(data.draw(st.permutations([folder / name for name in texts])))

    expected = sorted(Quote(symbol, day, price) for (symbol, day), price in prices.items())
    assert list(translation.quotes) == expected
    assert translation.files_read == len(texts)


@given(
    sound=st.sampled_from([(HEADER + ROW * 2).encode(), f"[{CANDLE},\n{CANDLE}]".encode(), b""]),
    cut=st.tuples(st.integers(0, 150), st.integers(0, 150)),
    spliced=st.binary(max_size=8) | st.sampled_from([b'"', b"\n", b"[", b"]", b",", b"NaN", b"-"]),
)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, cut: tuple[int, int], spliced: bytes
) -> None:
    """However a file is cut and spliced, it gives quotes or a MarketDataError that names it."""
    path = tmp_path_factory.mktemp("market") / "any.csv"
    path.write_bytes(sound[: min(cut)] + spliced + sound[max(cut) :])

    try:
        outcome = f"{len(read_market_file(path))} quotes"
    except MarketDataError as error:
        outcome = str(error)

    assert re.fullmatch(r"[1-9]\d* quotes|any\.csv, line [1-9]\d*: .+", outcome)
