"""An export of runs and of their attempts: what the list says, in every format."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, NewEvent, RunContext
from projections import RunHistory
from projections.exporting.columns import COLUMNS, Exported
from projections.exporting.run_export import export_runs, export_stages
from projections.listing.run_filter import RunFilter
from projections.runs.run_summary import RunSummary
from tests.projections.drawn_runs import filters, interleaved_runs
from tests.projections.exporting.reading_back import from_csv, from_jsonl, from_parquet
from tests.projections.past_ledgers import write_log
from tests.projections.payloads import began, done, failed, skipped, started
from tests.projections.recorded import tell


def run_row(run: RunSummary) -> dict[str, Any]:
    """Give what the row of a run must be."""
    item = run.list_item()
    return {column.name: item[column.name] for column in COLUMNS[Exported.RUNS]}


def stage_rows(run: RunSummary) -> list[dict[str, Any]]:
    """Give what the rows of its attempts must be."""
    rows = []
    for attempt in run.attempts:
        told = attempt.model_dump(mode="json")
        error = told["error"] or {}
        told |= {f"error_{part}": error.get(part) for part in ("type", "message", "traceback")}
        told |= {"run_id": run.run_id, "pipeline": run.pipeline}
        rows.append({column.name: told[column.name] for column in COLUMNS[Exported.STAGES]})
    return rows


def without_empty_text(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take an empty text for null, as CSV does."""
    return [{k: None if value == "" else value for k, value in row.items()} for row in rows]


@settings(max_examples=12)
@given(interleaved_runs(max_runs=5), filters, st.data())
def test_an_export_is_what_the_list_says(
    events: list[NewEvent], matching: RunFilter, data: st.DataObject
) -> None:
    """In all formats, for any filter, now and as of any position."""
    with tempfile.TemporaryDirectory() as name:
        last = write_log(Path(name, "runs"), events)
        past = data.draw(st.none() | st.integers(0, last))
        asked: dict[str, Any] = {"matching": matching, "as_of": past}
        with RunHistory(Path(name, "runs")) as history:
            runs = history.list_runs(order="oldest", **asked)
            for export, expected in (
                (export_runs, [run_row(run) for run in runs]),
                (export_stages, [row for run in runs for row in stage_rows(run)]),
            ):
                assert from_jsonl(export(history, **asked)) == expected
                assert from_csv(export(history, **asked)) == without_empty_text(expected)
                assert from_parquet(export(history, **asked), Path(name, "file")) == expected
                assert export(history, **asked).position == (last if past is None else past)


def test_an_empty_ledger_has_columns_and_no_rows(tmp_path: Path) -> None:
    """So has one whose run is without stages, as far as stages are asked for."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    with RunHistory(folder) as history:
        for export in (export_runs, export_stages):
            assert from_csv(export(history)) == from_jsonl(export(history)) == []
            assert from_parquet(export(history), tmp_path / "file") == []

        with EventLog.open(folder) as log:
            RunContext.start(log, pipeline="nightly", run_id="bare").end("success")

        assert from_parquet(export_stages(history), tmp_path / "file") == []
        assert [row["run_id"] for row in from_csv(export_runs(history))] == ["bare"]


def test_a_run_that_goes_on_has_no_end(tmp_path: Path) -> None:
    """What is not known yet is null, in its row and in that of its attempt."""
    write_log(tmp_path / "runs", tell(started("load"), began("load")))

    with RunHistory(tmp_path / "runs") as history:
        (run,) = from_parquet(export_runs(history), tmp_path / "file")
        (attempt,) = from_csv(export_stages(history))

    assert [run[name] for name in ("result", "ended_at", "duration_seconds")] == [None] * 3
    assert (attempt["stage"], attempt["attempt"], attempt["result"]) == ("load", 1, None)
    assert attempt["will_retry"] is False


def test_an_export_stays_at_its_position_while_the_log_grows(tmp_path: Path) -> None:
    """What is appended after it began is not in it, though no page was read before."""
    folder = tmp_path / "runs"
    last = write_log(folder, tell(started(), began("load")))
    with RunHistory(folder) as history:
        runs, stages = export_runs(history), export_stages(history)
        grown = [*tell(done("load")), *tell(started(), run_id="later")]
        write_log(folder, grown)

        (row,) = from_jsonl(runs)
        (attempt,) = from_jsonl(stages)

    assert (row["last_position"], runs.position) == (last, last)
    assert attempt["result"] is None


def test_pages_follow_each_other(tmp_path: Path) -> None:
    """More runs than a page holds come each once, the first started first."""
    folder = tmp_path / "runs"
    events = [event for number in range(2_003) for event in tell(started(), run_id=f"r{number}")]
    with EventLog.open(folder, durability="process") as log:
        for first in range(0, len(events), 500):
            log.append_batch(events[first : first + 500])

    with RunHistory(folder) as history:
        found = [row["run_id"] for row in from_jsonl(export_runs(history))]

    assert found == [event.run_id for event in events]


def test_attempts_tell_of_retries_and_errors(tmp_path: Path) -> None:
    """Each try is a row; a stage that was skipped has none, and stands with its run."""
    told = [began("load"), failed("load", retry=True), began("load", 2), done("load", 2, rows=7)]
    write_log(tmp_path / "runs", tell(started("load", "merge"), *told, skipped("merge")))

    with RunHistory(tmp_path / "runs") as history:
        first, second = from_csv(export_stages(history))
        (run,) = from_csv(export_runs(history))

    assert (first["result"], first["will_retry"], first["error_type"]) == (
        "failed", True, "ValueError",
    )  # fmt: skip
    assert (second["attempt"], second["metrics"]) == (2, {"rows": 7})
    assert json.dumps(run["stages_skipped"]) == '[{"stage": "merge", "reason": "nothing new"}]'


def test_hostile_values_come_back_as_they_were(tmp_path: Path) -> None:
    """Text with NUL, quotes and lines, and numbers at the ends of what JSON may hold here."""
    told = {
        "ints": [2**63 - 1, -(2**63)],
        "floats": [1e22, 5e-324, -0.0, 0.1],
        "": {"a'\"\0": [{}]},
    }
    text = "=1\0'\"\r\n,;\t\u2028\U0001f600" + "x" * 9_000
    with EventLog.open(tmp_path / "runs") as log:
        run = RunContext.start(log, pipeline="nightly", metadata=told)
        run.end("failed", text)

    with RunHistory(tmp_path / "runs") as history:
        (listed,) = history.list_runs()
        found = [
            *from_jsonl(export_runs(history)),
            *from_csv(export_runs(history)),
            *from_parquet(export_runs(history), tmp_path / "file"),
        ]

    assert listed.failure_reason == text
    assert found == [run_row(listed)] * 3
