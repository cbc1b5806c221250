"""An export of events: those of the log, all or some of them, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.disk.folder import LedgerFolder
from ledger.errors import InvalidEvent, LedgerDamaged
from projections import RunHistory
from projections.errors import AsOfNotReached, PeriodReversed
from projections.exporting.columns import COLUMNS, Exported
from projections.exporting.event_export import EventFilter, export_events
from tests.ledger.damage import flip
from tests.projections.exporting.reading_back import from_csv, from_jsonl, from_parquet
from tests.projections.past_ledgers import write_log
from tests.projections.payloads import began, done, ended, started
from tests.projections.recorded import tell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a ledger with a run of two pipelines each: positions 2 to 5, and 6."""
    nightly = tell(started(), began("load"), done("load"), ended(), run_id="a")
    write_log(tmp_path / "runs", [*nightly, *tell(started(pipeline="hourly"), run_id="b")])
    return tmp_path / "runs"


@pytest.fixture
def history(folder: Path) -> Iterator[RunHistory]:
    """Give its history."""
    with RunHistory(folder) as history:
        yield history


def positions(history: RunHistory, as_of: Any = None, **asked: Any) -> list[int]:
    """Give which events are exported."""
    rows = from_jsonl(export_events(history, matching=EventFilter(**asked), as_of=as_of))
    return [row["position"] for row in rows]


def test_an_export_is_what_the_log_holds(history: RunHistory, tmp_path: Path) -> None:
    """Each column of each event, in every format."""
    expected = [
        {column.name: line[column.name] for column in COLUMNS[Exported.EVENTS]}
        for event in history.reader.read()
        for line in [json.loads(event.line)]
    ]

    assert from_jsonl(export_events(history)) == expected
    assert from_csv(export_events(history)) == expected
    assert from_parquet(export_events(history), tmp_path / "file") == expected


def test_only_some_are_exported(history: RunHistory) -> None:
    """By run, pipeline, type, position and time, which hold together."""
    recorded = [event.recorded_at for event in history.reader.read()]

    assert positions(history) == [1, 2, 3, 4, 5, 6]
    assert positions(history, run_id="a") == [2, 3, 4, 5]
    assert positions(history, run_id="a", after=3, as_of=4) == [4]
    assert positions(history, pipeline="hourly") == [6]
    assert positions(history, pipeline="none") == positions(history, run_id="none") == []
    assert positions(history, types=frozenset({"run_started", "run_ended"})) == [2, 5, 6]
    assert positions(history, types=frozenset({"run_started"}), pipeline="nightly") == [2]
    assert positions(history, after=recorded[-1]) == positions(history, after=6) == []
    assert positions(history, as_of=recorded[-1]) == [1, 2, 3, 4, 5, 6]
    assert positions(history, as_of=recorded[-1], after=recorded[-1]) == []


def test_a_place_that_is_none_is_told(history: RunHistory) -> None:
    """Positions that the log has not reached, and numbers that are none."""
    with pytest.raises(AsOfNotReached):
        export_events(history, as_of=7)
    with pytest.raises(InvalidEvent):
        export_events(history, matching=EventFilter(after=-1))
    last = next(history.reader.read(5)).recorded_at
    with pytest.raises(PeriodReversed, match=r"as_of: .* is before after"):
        export_events(history, matching=EventFilter(after=last), as_of=last - timedelta(hours=1))


def test_damage_is_never_passed_over(history: RunHistory, folder: Path) -> None:
    """Events cannot be exported past a line that is not what was written."""
    segment = LedgerFolder(folder).segment(1)
    flip(segment, segment.stat().st_size // 2)

    with pytest.raises(LedgerDamaged):
        from_jsonl(export_events(history))
