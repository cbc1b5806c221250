"""CSV by RFC 4180 that a spreadsheet opens rightly, and that runs nothing there.

- It begins with a byte order mark: without one, Excel takes UTF-8 for the code page of the machine.
- Lines end with CRLF; a cell is quoted where it holds a comma, a quote or a line break.
- Null is an empty cell, and so is an empty text. JSON stands as its text, times as ISO text in UTC.
- A text that begins like a formula gets an apostrophe in front, as OWASP advises, and so does one
  that begins with an apostrophe: what begins with one has one too many. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from projections.exporting.columns import Kind, row_type
from projections.exporting.export import Export

__all__ = ["csv_chunks", "guarded"]

_BYTE_ORDER_MARK = "\ufeff"
# The last four are the wide forms of the first, which some programs take for them.
_BEGIN_A_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_GUARD = "'"
_GUARDED = _BEGIN_A_FORMULA | {_GUARD}


def csv_chunks(export: Export) -> Iterator[bytes]:
    """Yield an export as CSV, a page at a time; the first chunk is the header."""
    names = [column.name for column in export.columns]
    cells = [_CELLS[column.kind] for column in export.columns]
    decode = msgspec.json.Decoder(row_type(export.columns)).decode
    yield (_BYTE_ORDER_MARK + _lines([names])).encode()
    for page in export.pages:
        rows = [decode(line) for line in page]
        columns = [
            [cell(getattr(row, name)) for row in rows]
            for name, cell in zip(names, cells, strict=True)
        ]
        if rows:
            yield _lines(list(zip(*columns, strict=True))).encode()


def _lines(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def guarded(text: str | None) -> str | None:
    """Put an apostrophe before what a spreadsheet could take for a formula."""
    return _GUARD + text if text and text[0] in _GUARDED else text


def _plain(value: object) -> object:
    return value


def _boolean(value: bool | None) -> str | None:  # noqa: FBT001 - the value of a cell
    return None if value is None else str(value).lower()


def _json(value: msgspec.Raw) -> str | None:
    text = str(value, "utf-8")
    return None if text == "null" else guarded(text)


_CELLS: Mapping[Kind, Callable[[Any], object]] = {
    Kind.TEXT: guarded,
    Kind.INTEGER: _plain,
    Kind.NUMBER: _plain,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: _plain,
    Kind.JSON: _json,
}
