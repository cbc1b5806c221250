"""A CSV table is read strictly, with the line each row starts on, and published whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.table import read_rows, write_rows
from automation.pipelines.market_data.text_file import read_text

SOURCE = Path("table.csv")

BAD_TABLES = [
    ("a\n1\n", 1, "header has no column 'b'"),
    ("\n\nA,c\n1,2\n", 3, "header has no column 'b'"),
    ("a,b,b\n1,2,3\n", 1, "header has column 'b' twice"),
    ("a,b\n1,2\n1\n", 3, "short row: 1 cells where the header has 2"),
    ("a,b\n1,2,3\n", 2, "long row: 3 cells where the header has 2"),
    ('a,b\n"1\n2",3\n4\n', 4, "short row: 1 cells where the header has 2"),
    ('a,b\n1,2\n3,"4\n', 3, "not CSV: unexpected end of data"),
    ("", 1, "header has no column 'a'"),
]


@pytest.mark.parametrize(("text", "line", "reason"), BAD_TABLES)
def test_a_bad_table_is_refused_at_its_line(text: str, line: int, reason: str) -> None:
    """What is wrong with a table is told with the line on which the bad row starts."""
    with pytest.raises(MarketDataError) as caught:
        list(read_rows(SOURCE, text, ("a", "b")))

    assert (caught.value.line, caught.value.reason) == (line, reason)


def test_columns_are_found_by_name() -> None:
    """Order, case, blanks and further columns of a header make no difference; lines count."""
    text = 'more, B ,A\r\n\r\n"x\r\ny",2,1\r\nz,4,3\r\n'

    rows = [(line, row["a"], row["b"]) for line, row in read_rows(SOURCE, text, ("a", "b"))]

    assert rows == [(3, "1", "2"), (5, "3", "4")]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"))


@given(st.lists(st.tuples(TEXTS, st.none() | st.floats())))
def test_written_rows_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float | None]]
) -> None:
    """Any text but a carriage return, and any float, survive; None comes back as an empty cell."""
    path = tmp_path_factory.mktemp("table") / "table.csv"

    write_rows(path, ("text", "number"), rows)

    found = [(row["text"], row["number"]) for _, row in read_rows(path, read_text(path), ("text",))]
    assert found == [(text, "" if number is None else repr(number)) for text, number in rows]
