"""Parquet, by DuckDB: typed columns, times as UTC microseconds, JSON as its text.

DuckDB reads the very JSON that is kept, from a pipe, and on threads of its own: no value becomes an
object of Python. So it is bounded in memory, and takes no room on disk but for the file itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from projections.errors import ExportFailed, ParquetUnavailable
from projections.exporting.columns import Kind
from projections.exporting.export import Export

__all__ = ["write_parquet"]

_TYPES: Mapping[Kind, str] = {
    Kind.TEXT: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.NUMBER: "DOUBLE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIME: "TIMESTAMPTZ",
    Kind.JSON: "JSON",
}
# What it needs is built in: nothing is fetched.
_SETTINGS = {"memory_limit": "1GB", "autoinstall_known_extensions": "false"}
_LARGEST_ROW = 1 << 24
_COPY = """
COPY (
    SELECT {values}
    FROM read_json({pipe}, format = 'newline_delimited', columns = {columns},
        maximum_object_size = {largest})
) TO {path} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {metadata})
"""


def write_parquet(export: Export, path: Path) -> int:
    """Write an export into a file, which says in its metadata what it is; give the rows written.

    Raises:
        ParquetUnavailable: the package is not installed.
        ExportFailed: the file cannot be written.
    """
    copy = _Copy(_duckdb(), export, path)
    try:
        with suppress(BrokenPipeError), copy.begin() as rows:
            for page in export.pages:
                rows.write(b"".join([line + b"\n" for line in page]))
    finally:
        copy.join()
    if copy.error is not None:
        raise ExportFailed(path, str(copy.error)) from copy.error
    return copy.rows


def _duckdb() -> ModuleType:
    try:
        import duckdb  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError as error:
        if error.name != "duckdb":
            raise
        raise ParquetUnavailable from None
    return duckdb


def _statement(export: Export, pipe: str, path: Path) -> str:
    names = [column.name for column in export.columns]
    types = {column.name: _TYPES[column.kind] for column in export.columns}
    metadata = {
        "runfold_export": export.what.value,
        "runfold_ledger_id": export.ledger_id,
        "runfold_position": str(export.position),
    }
    return _COPY.format(
        values=", ".join(f'"{name}"' for name in names),
        pipe=_literal(pipe),
        columns=_struct(types),
        largest=_LARGEST_ROW,
        path=_literal(str(path)),
        metadata=_struct(metadata),
    )


def _struct(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in values.items()) + "}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class _Copy:
    """DuckDB at work, in a thread of its own, on the rows that come through a pipe.

    Signals reach the main thread, which therefore is left to the rows.

    Attributes:
        rows: how many it has written.
        error: what kept it from writing all.
    """

    def __init__(self, duckdb: ModuleType, export: Export, path: Path) -> None:
        self._duckdb = duckdb
        self._export = export
        self._path = path
        self._thread = threading.Thread(target=self._run, name="runfold-export", daemon=True)
        self._pipe = -1
        self.rows = 0
        self.error: Exception | None = None

    def begin(self) -> BinaryIO:
        """Begin, and give what the rows are to be written to; closing that ends it."""
        self._pipe, rows = os.pipe()
        self._thread.start()
        return os.fdopen(rows, "wb")

    def _run(self) -> None:
        statement = _statement(self._export, f"/dev/fd/{self._pipe}", self._path)
        try:
            with self._duckdb.connect(config=_SETTINGS) as database:
                copied = database.execute(statement).fetchone()
            self.rows = int(copied[0])
        except self._duckdb.Error as error:
            self.error = error
        finally:
            # Now that nobody reads, whoever still writes meets a broken pipe.
            os.close(self._pipe)

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()
