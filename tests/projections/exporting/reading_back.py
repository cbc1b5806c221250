"""Read an export back, each format by a reader that is not ours, as the values of its columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from projections.exporting.columns import Column, Kind
from projections.exporting.csv_format import csv_chunks
from projections.exporting.export import Export
from projections.exporting.jsonl_format import jsonl_chunks
from projections.exporting.parquet_format import write_parquet

__all__ = ["from_csv", "from_jsonl", "from_parquet"]

Rows = list[dict[str, Any]]


def from_jsonl(export: Export) -> Rows:
    """Read JSON lines."""
    return [json.loads(line) for line in b"".join(jsonl_chunks(export)).splitlines()]


def from_csv(export: Export) -> Rows:
    """Read CSV as a program does that knows the contract; an empty text comes back as null."""
    text = b"".join(csv_chunks(export)).decode("utf-8-sig")
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    assert header == [column.name for column in export.columns]
    return [
        {
            column.name: _CELLS[column.kind](cell) if cell else None
            for column, cell in zip(export.columns, line, strict=True)
        }
        for line in lines
    ]


def _text(cell: str) -> str:
    return cell.removeprefix("'")


_CELLS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.BOOLEAN: lambda cell: {"true": True, "false": False}[cell],
    Kind.TIME: str,
    Kind.JSON: lambda cell: json.loads(_text(cell)),
}


def from_parquet(export: Export, path: Path) -> Rows:
    """Read Parquet with DuckDB; times come back as the text that they stand for."""
    write_parquet(export, path)
    values = ", ".join(map(_selected, export.columns))
    with duckdb.connect() as database:
        rows = database.execute(f"SELECT {values} FROM read_parquet(?)", [str(path)]).fetchall()  # noqa: S608 - names of columns
    return [_parsed(export.columns, row) for row in rows]


def _selected(column: Column) -> str:
    if column.kind is not Kind.TIME:
        return f'"{column.name}"'
    return f"strftime(\"{column.name}\" AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"


def _parsed(columns: Sequence[Column], row: Sequence[Any]) -> dict[str, Any]:
    return {
        column.name: json.loads(value) if column.kind is Kind.JSON and value else value
        for column, value in zip(columns, row, strict=True)
    }
