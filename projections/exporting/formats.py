"""The formats of an export. Those of text come as chunks of bytes, Parquet as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from projections.exporting.csv_format import csv_chunks
from projections.exporting.export import Export
from projections.exporting.jsonl_format import jsonl_chunks

__all__ = ["TEXT_FORMATS", "ExportFormat"]


class ExportFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


TEXT_FORMATS: Mapping[ExportFormat, Callable[[Export], Iterator[bytes]]] = {
    ExportFormat.CSV: csv_chunks,
    ExportFormat.JSONL: jsonl_chunks,
}
"""What yields an export as chunks of bytes, a page each."""
