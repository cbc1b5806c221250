"""A CSV table with named columns: read strictly, row by row with line numbers, and written whole.

Rules for reading: the first row that is not blank is the header; columns are found by name,
whatever their order, case and surrounding blanks, and further columns are passed over; every row
has as many cells as the header; blank lines are skipped. A row that breaks a rule stops the
reading: a file that is wrong in one place is not trusted in the others.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.text_file import publish

__all__ = [
    "read_rows",
    "write_rows",
]


def read_rows(
    path: Path, text: str, columns: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's 1-based line, and its cells by column name in lower case.

    Args:
        path: Where the text is from; for errors only.
        text: The whole file.
        columns: The names, in lower case, that the header must have.

    Raises:
        MarketDataError: The header lacks a column or has one twice, a row is shorter or longer
            than the header, or the text is not CSV.
    """
    rows = _numbered_rows(path, text)
    header_line, header = next(rows, (1, []))
    names = [name.strip().lower() for name in header]
    for column in columns:
        if column not in names:
            raise MarketDataError(path, header_line, f"header has no column {column!r}")
        if names.count(column) > 1:
            raise MarketDataError(path, header_line, f"header has column {column!r} twice")
    for line, cells in rows:
        if len(cells) != len(names):
            length = "short" if len(cells) < len(names) else "long"
            reason = f"{length} row: {len(cells)} cells where the header has {len(names)}"
            raise MarketDataError(path, line, reason)
        yield line, dict(zip(names, cells, strict=True))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Publish a CSV file with a header; None becomes an empty cell.

    A float is written with the fewest digits that read back as the same float. Text may hold
    anything but a carriage return, which the csv module of some Python versions leaves unquoted.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    publish(path, text.getvalue())


def _numbered_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        # The line a row starts on: line_num counts lines, and a quoted cell may span several.
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise MarketDataError(path, line, f"not CSV: {error}") from error
        if cells:
            yield line, cells
