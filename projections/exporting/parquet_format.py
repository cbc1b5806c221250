"""Parquet, by DuckDB: typed columns, times as UTC microseconds, JSON as its text.

DuckDB reads the very JSON that is kept, from a pipe, and on threads of its own: no value becomes an
object of Python. So it is bounded in memory, and takes no room on disk but for the file itself.
"""

from __future__ import annotations

import os
import tempfile
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
    duckdb = _duckdb()
    with tempfile.TemporaryDirectory() as scratch:
        pipe = Path(scratch, "rows")
        os.mkfifo(pipe)
        feed = _Feed(export, pipe)
        feed.start()
        try:
            with duckdb.connect(config=_SETTINGS) as database:
                copied = database.execute(_statement(export, pipe, path)).fetchone()
        except duckdb.Error as error:
            raise ExportFailed(path, str(error)) from error
        finally:
            feed.end()
    if feed.error is not None:
        raise feed.error
    return int(copied[0]) if copied else 0


def _duckdb() -> ModuleType:
    try:
        import duckdb  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError as error:
        if error.name != "duckdb":
            raise
        raise ParquetUnavailable from None
    return duckdb


def _statement(export: Export, pipe: Path, path: Path) -> str:
    names = [column.name for column in export.columns]
    types = {column.name: _TYPES[column.kind] for column in export.columns}
    metadata = {
        "runfold_export": export.what.value,
        "runfold_ledger_id": export.ledger_id,
        "runfold_position": str(export.position),
    }
    return _COPY.format(
        values=", ".join(f'"{name}"' for name in names),
        pipe=_literal(str(pipe)),
        columns=_struct(types),
        largest=_LARGEST_ROW,
        path=_literal(str(path)),
        metadata=_struct(metadata),
    )


def _struct(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in values.items()) + "}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class _Feed:
    """Writes the rows of an export into a pipe, from a thread of its own.

    Attributes:
        error: what kept it from writing all.
    """

    def __init__(self, export: Export, pipe: Path) -> None:
        self._pages = export.pages
        self._pipe = pipe
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._write, name="runfold-export", daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def _write(self) -> None:
        try:
            with suppress(BrokenPipeError), self._open() as pipe:
                for page in self._pages:
                    pipe.writelines(line + b"\n" for line in page)
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for it
            self.error = error

    def _open(self) -> BinaryIO:
        """Wait for the reader."""
        try:
            return self._pipe.open("wb")
        finally:
            self._opened.set()

    def end(self) -> None:
        """Wait for the end; what nobody reads any more is not written."""
        # Where no reader came, the thread still waits for one, and then meets a broken pipe.
        reader = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._opened.wait()
        os.close(reader)
        self._thread.join()
