"""A ``runs.jsonl`` of ours, imported elsewhere, says the same of every run, to the byte."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings

from automation.importing.runs_import import check_runs_file, import_runs
from ledger import EventLog, NewEvent, RunContext
from ledger.events import RunImported
from projections import RunHistory, RunsFile
from projections.runs.run_summary import FIRST_NINE
from tests.ledger.examples import one_run, run_abandoned, run_annotated
from tests.ledger.strategies import valid_runs


def record_runs(folder: Path) -> None:
    """Record runs of every kind that leaves a line in ``runs.jsonl``."""
    metadata = {"day": "2026-01-15", "text": "é😀\x1b\u2028", "big": 2**63 - 1, "f": [1e-7, 1.0]}
    with EventLog.open(folder, durability="process") as log:
        for result in ("success", "stopped"):
            with RunContext.start(log, pipeline="p", run_id=result, metadata=metadata) as run:
                with run.stage("a"):
                    pass
                run.end(result)
        with (
            pytest.raises(ValueError, match="no rows"),
            RunContext.start(log, pipeline="p", run_id="failed") as run,
            run.stage("load/orders"),
        ):
            raise ValueError("no rows")
        RunContext.start(log, pipeline="p", run_id="running")
        events = one_run("back")
        log.append_batch([*events[:1], run_abandoned("back")])
        log.append_batch(one_run("between"))
        log.append_batch(events[1:])
        log.append(run_annotated("failed"))


def winning_lines(folder: Path) -> list[bytes]:
    """Give the last line of each run of a ``runs.jsonl``, in order."""
    RunsFile(folder).catch_up()
    lines = (folder / "runs.jsonl").read_bytes().splitlines(keepends=True)
    last = {json.loads(line)["run_id"]: number for number, line in enumerate(lines)}
    return [lines[number] for number in sorted(last.values())]


def check_round_trip(source: Path, target: Path) -> int:
    """Import a ledger's runs.jsonl into a new ledger; both must then say the same of each run."""
    lines = winning_lines(source)
    counts = import_runs(target, check_runs_file(source / "runs.jsonl"))

    assert counts.imported == counts.runs == len(lines)
    if lines:
        RunsFile(target).catch_up()
        assert (target / "runs.jsonl").read_bytes() == b"".join(lines)
        with RunHistory(target) as history:
            for line in lines:
                value = json.loads(line)
                run = history.get_run(value["run_id"])
                assert run is not None
                assert run.model_dump(mode="json", include=set(FIRST_NINE)) == value
                assert run.imported_from == "runs.jsonl"
    return len(lines)


def test_a_runs_file_of_ours_comes_through_unchanged(tmp_path: Path) -> None:
    """Recorded, written, imported and written again: the same bytes, one line a run."""
    record_runs(tmp_path / "one")

    assert check_round_trip(tmp_path / "one", tmp_path / "two") == 5


@settings(max_examples=10)
@given(valid_runs())
def test_any_history_comes_through_a_runs_file(events: list[NewEvent]) -> None:
    """Whatever a legal run did, its nine values are the same after an import."""
    for event in events:
        if isinstance(event.data, RunImported):
            run = event.data.summary
            assume(run.ended_at is None or run.ended_at >= run.started_at)
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "one")
        with EventLog.open(source, durability="process") as log:
            log.append_batch(events)
        check_round_trip(source, Path(name, "two"))
