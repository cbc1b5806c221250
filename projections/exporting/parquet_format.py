"""Parquet, by DuckDB: typed columns, times as UTC microseconds, JSON as its text.

DuckDB reads the very JSON that is kept, from a pipe, and on threads of its own: no value becomes an
object of Python.

What bounds its memory, however many rows there are:

- The lines come through its reader of CSV, as a single column. That of JSON keeps all it has read
  from a pipe, which it cannot go back in.
- A buffer of that reader holds the longest row, and no more: larger ones, which come and go, leave
  the heap in pieces.
- A group of rows is kept until it is written, one for each thread. One thread parses JSON, another
  compresses, and so they are as fast as rows come: more would wait.
- Rows so large that a group of them is beyond its limit wait on disk, beside the file.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from projections.errors import ExportFailed, ParquetUnavailable
from projections.exporting.columns import Kind
from projections.exporting.export import Export, JsonLines

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
_SETTINGS = {"memory_limit": "512MB", "threads": "2", "autoinstall_known_extensions": "false"}
# What 128 of the longest events come to.
_LARGEST_ROW = 8 << 20
_ROWS_IN_A_GROUP = 20480
_PIPE_SIZE = 1 << 20
# No JSON holds this character but as an escape, so a line is one column.
_NO_DELIMITER = "\x1f"
_COPY = """
COPY (
    SELECT unnest(from_json_strict(line, {structure}))
    FROM read_csv({pipe}, columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false,
        delim = {delimiter}, quote = '', escape = '', new_line = '\\n',
        max_line_size = {largest}, buffer_size = {largest})
) TO {path} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group}, KV_METADATA {metadata})
"""


def write_parquet(export: Export, path: Path) -> int:
    """Write an export into a file, which says in its metadata what it is; give the rows written.

    Raises:
        ParquetUnavailable: the package is not installed.
        ExportFailed: the file cannot be written, or a row is too long.
    """
    copy = _Copy(_duckdb(), export, path)
    try:
        with suppress(BrokenPipeError), copy.begin() as rows:
            for page in export.pages:
                _check_sizes(page, path)
                rows.write(b"".join([line + b"\n" for line in page]))
    finally:
        copy.join()
    if copy.error is not None:
        raise ExportFailed(path, str(copy.error)) from copy.error
    return copy.rows


def _check_sizes(page: JsonLines, path: Path) -> None:
    longest = max(map(len, page), default=0)
    if longest > _LARGEST_ROW:
        row = f"a row has {longest:,} bytes of JSON, and a row of Parquet {_LARGEST_ROW:,} at most"
        raise ExportFailed(path, f"{row}: leave it out by a filter, or export as CSV or JSONL")


def _duckdb() -> ModuleType:
    # A server may have looked for it just before it was installed.
    importlib.invalidate_caches()
    try:
        import duckdb  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError as error:
        if error.name != "duckdb":
            raise
        raise ParquetUnavailable from None
    return duckdb


def _statement(export: Export, pipe: str, path: Path) -> str:
    types = {column.name: _TYPES[column.kind] for column in export.columns}
    metadata = {
        "runfold_export": export.what.value,
        "runfold_ledger_id": export.ledger_id,
        "runfold_position": str(export.position),
    }
    return _COPY.format(
        structure=_literal(json.dumps(types)),
        pipe=_literal(pipe),
        delimiter=_literal(_NO_DELIMITER),
        largest=_LARGEST_ROW + len(b"\n"),
        path=_literal(str(path)),
        group=_ROWS_IN_A_GROUP,
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
        # While DuckDB is at what it has read, the next rows come; 64 KiB would soon be full.
        if sys.platform == "linux":
            with suppress(OSError):
                fcntl.fcntl(rows, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._thread.start()
        return os.fdopen(rows, "wb")

    def _run(self) -> None:
        statement = _statement(self._export, f"/dev/fd/{self._pipe}", self._path)
        # Unless told, it takes the working folder, whatever that is.
        settings = {**_SETTINGS, "temp_directory": f"{self._path}.waiting"}
        try:
            with self._duckdb.connect(config=settings) as database:
                # In an interactive Python it would print on stdout.
                database.execute("SET enable_progress_bar = false")
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
