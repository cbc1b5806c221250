"""Small ledgers for questions about lists: written as they are told, or cut where one asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger import EventLog, LogReader, NewEvent
from ledger.disk.folder import LedgerFolder
from ledger.reading.replay import replay_run
from projections.runs.run_fold import fold, initial, summarize
from projections.runs.run_summary import RunSummary

__all__ = ["cut_at", "summaries_of", "write_log"]


def write_log(folder: Path, events: Sequence[NewEvent]) -> int:
    """Append events one by one, and give the last position."""
    with EventLog.open(folder, durability="process") as log:
        for event in events:
            log.append(event)
        log.sync()
        return log.position


def cut_at(folder: Path, position: int, into: Path) -> Path:
    """Copy a log of one segment as it was at a position."""
    lines = LedgerFolder(folder).segment(1).read_bytes().splitlines(keepends=True)
    into.mkdir()
    LedgerFolder(into).create(LogReader(folder).identity)
    LedgerFolder(into).segment(1).write_bytes(b"".join(lines[:position]))
    return into


def summaries_of(folder: Path) -> list[RunSummary]:
    """Sum up each run from its own events, without any read model."""
    reader = LogReader(folder)
    run_ids = {event.run_id for event in reader.read() if event.run_id is not None}
    return [
        summarize(fold(replay_run(reader, run_id), initial(run_id))) for run_id in sorted(run_ids)
    ]
