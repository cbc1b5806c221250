"""Parquet: typed, readable by others, and never half of it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from ledger import EventLog, LogReader, RunContext
from ledger.errors import LedgerDamaged
from projections import RunHistory
from projections.errors import ExportFailed
from projections.exporting.columns import Exported
from projections.exporting.event_export import export_events
from projections.exporting.export import Export, JsonLines
from projections.exporting.parquet_format import write_parquet
from projections.exporting.run_export import export_runs

ROOT = Path(__file__).parents[3]
EVENT = b'{"position":1,"recorded_at":null,"occurred_at":null,"type":null,"schema_version":1,'
EVENT += b'"run_id":null,"sequence":0,"event_id":null,"prev":null,"data":{"text":"%s"}}'


@pytest.fixture
def history(tmp_path: Path) -> Iterator[RunHistory]:
    """Give the history of a ledger with two runs, one of which goes on."""
    with EventLog.open(tmp_path / "runs") as log:
        RunContext.start(log, pipeline="nightly", run_id="ended", metadata={"n": 1}).end("success")
        RunContext.start(log, pipeline="nightly", run_id="open")
    with RunHistory(tmp_path / "runs") as history:
        yield history


def test_columns_have_types(history: RunHistory, tmp_path: Path) -> None:
    """Times are UTC microseconds and numbers are numbers, for DuckDB and for Arrow."""
    path = tmp_path / "it's.parquet"

    assert write_parquet(export_runs(history), path) == 2

    described = duckdb.execute("DESCRIBE FROM read_parquet(?)", [str(path)]).fetchall()
    types = {name: kind for name, kind, *_ in described}
    assert types["started_at"] == "TIMESTAMP WITH TIME ZONE"
    assert (types["duration_seconds"], types["retry_count"]) == ("DOUBLE", "BIGINT")
    schema = importlib.import_module("pyarrow.parquet").read_schema(path)
    assert str(schema.field("started_at").type) == "timestamp[us, tz=UTC]"
    assert str(schema.field("metadata").type) in ("string", "extension<arrow.json>")


def test_pandas_reads_it(history: RunHistory, tmp_path: Path) -> None:
    """Times come as times with their zone, and what is not known as missing."""
    write_parquet(export_runs(history), tmp_path / "runs.parquet")

    table = importlib.import_module("pandas").read_parquet(tmp_path / "runs.parquet")

    assert list(table["run_id"]) == ["ended", "open"]
    assert str(table["started_at"].dtype) == "datetime64[us, UTC]"
    assert list(table["ended_at"].isna()) == [False, True]
    assert table["metadata"][0] == '{"n":1}'


def test_a_file_says_what_it_reflects(history: RunHistory, tmp_path: Path) -> None:
    """Its metadata names the ledger, what was exported, and the position."""
    path = tmp_path / "events.parquet"
    write_parquet(export_events(history), path)

    rows = duckdb.execute(
        "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)", [str(path)]
    ).fetchall()

    reader: LogReader = history.reader
    assert {key: value for key, value in rows if key.startswith("runfold")} == {
        "runfold_export": "events",
        "runfold_ledger_id": reader.identity.ledger_id,
        "runfold_position": str(reader.position),
    }


def test_an_export_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    """What kept the rows from coming is raised, though the file was closed well."""

    def pages() -> Iterator[JsonLines]:
        yield [b'{"position":1}']
        raise LedgerDamaged("a segment", 2, 0, "gone")

    with pytest.raises(LedgerDamaged):
        write_parquet(Export(Exported.EVENTS, "id", 1, pages()), tmp_path / "file")


def test_a_place_that_cannot_be_written_is_told(history: RunHistory, tmp_path: Path) -> None:
    """By an error of ours, at once, and the rows that nobody read are let go."""
    with pytest.raises(ExportFailed, match="nowhere"):
        write_parquet(export_runs(history), tmp_path / "nowhere" / "file")
    with pytest.raises(ExportFailed):
        write_parquet(Export(Exported.RUNS, "id", 1, iter([[b"no JSON"]])), tmp_path / "file")


def test_a_row_is_as_long_as_it_may_be_and_no_longer(tmp_path: Path) -> None:
    """The longest row is written whole; a longer one is told by its size, with what to do."""
    longest = EVENT % (b"x" * ((8 << 20) - len(EVENT) + len(b"%s")))
    path = tmp_path / "file"

    assert write_parquet(Export(Exported.EVENTS, "id", 1, iter([[longest, EVENT]])), path) == 2

    sizes = duckdb.execute("SELECT length(data) FROM read_parquet(?)", [str(path)]).fetchall()
    assert sizes[0][0] > (8 << 20) - len(EVENT)
    with pytest.raises(ExportFailed, match=r"8,388,609 bytes.*CSV or JSONL"):
        write_parquet(Export(Exported.EVENTS, "id", 1, iter([[longest + b" "]])), path)


def test_text_that_could_end_a_line_or_a_column_is_text(tmp_path: Path) -> None:
    """Control characters, quotes, delimiters and zero bytes come back as they were recorded."""
    event = EVENT.replace(b'"event_id":null', rb'"event_id":"a\u0000\u001f\r\n\",\\;b"')
    path = tmp_path / "file"

    write_parquet(Export(Exported.EVENTS, "id", 1, iter([[event]])), path)

    found = duckdb.execute("SELECT event_id FROM read_parquet(?)", [str(path)]).fetchall()
    assert found == [('a\x00\x1f\r\n",\\;b',)]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """What four times as many rows need is less than what they have more in bytes."""
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from projections.exporting.columns import Exported\n"
        "from projections.exporting.export import Export\n"
        "from projections.exporting.parquet_format import write_parquet\n"
        f"page = [{EVENT!r} % (b'x' * 1_000)] * 5_000\n"
        "for pages in (8, 32):\n"
        "    rows = Export(Exported.EVENTS, 'id', 1, iter([page] * pages))\n"
        "    write_parquet(rows, Path(sys.argv[1]))\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "file")]

    found = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )

    few, many = map(int, found.stdout.split())
    more_in_megabytes = 24 * 5_000 * 1_000 // 2**20
    assert many - few < more_in_megabytes, (few, many)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
