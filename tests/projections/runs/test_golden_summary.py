"""A golden log with every event type comes to golden summaries, read by a person once.

``tests/golden/summary`` holds the log as its bytes, the summaries of its runs as canonical JSON,
and its ``runs.jsonl``. A change of what a log that exists comes to shows here, and needs a new
version of the read model.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import LogReader
from ledger.disk.folder import Identity, LedgerFolder
from ledger.events import EVENT_TYPES, UnreadData
from ledger.line.codec import FORMAT
from projections import RunHistory, RunsFile
from projections.runs.run_fold import summarize
from projections.runs.run_summary import FIRST_NINE
from tests.ledger.witness import assert_whole
from tests.projections.recorded import fold_runs

GOLDEN = Path(__file__).parents[2] / "golden" / "summary"
LOG = GOLDEN / "every_event_type.jsonl"
SUMMARIES = GOLDEN / "every_event_type.summaries.json"
RUNS_FILE = GOLDEN / "every_event_type.runs.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lay out a ledger whose only segment is the golden log."""
    folder = LedgerFolder(tmp_path)
    identity = Identity(
        "6f1c2a9e-0c52-4a53-9d0a-3f1f6b0c7a11", FORMAT, "2026-01-15T10:00:00.000000Z"
    )
    folder.create(identity)
    folder.segment(1).write_bytes(LOG.read_bytes())
    return tmp_path


def test_the_golden_log_is_a_sound_log_of_every_event_type(folder: Path) -> None:
    """It passes the check of a stranger, and holds two events that this version cannot read."""
    lines = assert_whole(folder)
    unread = [
        event.type for event in LogReader(folder).read() if isinstance(event.data, UnreadData)
    ]

    assert {line["type"] for line in lines} == {*EVENT_TYPES, "stage_paused"}
    assert unread == ["stage_paused", "stage_completed"]


def test_the_golden_log_comes_to_the_golden_summaries(folder: Path) -> None:
    """To the byte: the fields of each run, their order, and how each value is written."""
    states = fold_runs(LogReader(folder).read())

    found = {run: summarize(state).model_dump(mode="json") for run, state in states.items()}

    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    assert text == SUMMARIES.read_text()


def test_the_read_model_of_the_golden_log_serves_the_golden_summaries(folder: Path) -> None:
    """What is served is what was folded, but for the liveness of the one run that goes on."""
    golden = json.loads(SUMMARIES.read_text())

    with RunHistory(folder) as history:
        for run_id, expected in golden.items():
            served = history.run_json(run_id)
            assert served is not None
            assert json.loads(served) | {"liveness": None} == expected
        assert history.get_run_count() == len(golden)
        listed = [run.run_id for run in history.list_runs()]
    newest_first = sorted(golden, key=lambda run: golden[run]["started_at"], reverse=True)
    assert listed == newest_first


def test_the_runs_file_of_the_golden_log_is_the_golden_one(folder: Path) -> None:
    """One line for each end, in the order of the log; the last line of a run is its summary."""
    RunsFile(folder).catch_up()

    written = (folder / "runs.jsonl").read_bytes()

    assert written == RUNS_FILE.read_bytes()
    golden = json.loads(SUMMARIES.read_text())
    last = {json.loads(line)["run_id"]: json.loads(line) for line in written.splitlines()}
    ended = {run for run, summary in golden.items() if summary["result"] is not None}
    assert last.keys() == ended
    for run_id, line in last.items():
        said_later = {"metadata"}
        for key in set(FIRST_NINE) - said_later:
            assert line[key] == golden[run_id][key]
