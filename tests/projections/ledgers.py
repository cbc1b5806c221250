"""Real ledgers to project, and what a read model holds, read with nothing but SQLite."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ledger import EventLog, LogReader, NewEvent
from ledger.codec import FORMAT
from ledger.events import LedgerCreated
from ledger.folder import Identity, LedgerFolder
from projections import RunHistory
from projections.projector import Projector
from projections.read_model import VERSION
from projections.run_summary import summarize
from projections.stored_state import encode_state
from tests.ledger.examples import event_id
from tests.projections.payloads import annotated, began, done, ended, failed, started
from tests.projections.recorded import fold_runs, record, tell

__all__ = [
    "append",
    "catch_up",
    "contents",
    "copy_of",
    "current_model",
    "dump_of",
    "expected_contents",
    "forge",
    "has_passed",
    "position_in",
    "rebuilt",
    "stories",
    "story",
]

_FIRST_ID = event_id(0)


def append(folder: Path, events: Sequence[NewEvent]) -> int:
    """Append events one by one to the ledger in ``folder``, making it; give its position."""
    with EventLog.open(folder, durability="process") as log:
        for event in events:
            log.append(event)
        log.sync()
        return log.position


def forge(folder: Path, events: Sequence[NewEvent]) -> None:
    """Write a log that holds any events, legal or not, as another hand may have left it.

    It has no durable mark, like a copy of the files alone, so it is read to its end.
    """
    identity = Identity("a-forged-ledger", FORMAT, "2026-01-15T10:00:00.000000Z")
    created = NewEvent(LedgerCreated(ledger_id=identity.ledger_id, format=FORMAT), None, _FIRST_ID)
    if not folder.exists():
        folder.mkdir()
        LedgerFolder(folder).create(identity)
    lines = [event.line + b"\n" for event in record([created, *events], after=0)]
    LedgerFolder(folder).segment(1).write_bytes(b"".join(lines))


def current_model(folder: Path) -> Path:
    """Give the SQLite file that the pointer names."""
    models = folder / "read-models"
    return models / (models / "current").read_text().strip()


def contents(model: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Read all tables of a read model at one moment; counts of nothing are left out."""
    with closing(sqlite3.connect(f"{model.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("BEGIN")
        return {
            "checkpoint": connection.execute("SELECT * FROM checkpoint").fetchall(),
            "runs": connection.execute("SELECT * FROM runs ORDER BY run_id").fetchall(),
            "counts": connection.execute(
                "SELECT * FROM run_counts WHERE runs <> 0 ORDER BY result"
            ).fetchall(),
        }


def expected_contents(folder: Path, position: int) -> dict[str, list[tuple[Any, ...]]]:
    """Say what a read model must hold at a position, from the events and the fold alone."""
    reader = LogReader(folder)
    rows = []
    counts: dict[str, int] = {}
    for run_id, state in sorted(fold_runs(reader.read(0, position)).items()):
        summary = summarize(state)
        item = summary.model_dump_json(exclude={"attempts"})
        attempts = summary.model_dump_json(include={"attempts"})[len('{"attempts":') : -1]
        started_at = summary.model_dump(mode="json")["started_at"] or ""
        place = (started_at, summary.started_position, summary.result, summary.pipeline)
        rows.append((run_id, *place, item, attempts, encode_state(state)))
        counts[summary.result or ""] = counts.get(summary.result or "", 0) + 1
    leaf = reader.leaf_at(position)
    checkpoint = (1, VERSION, reader.identity.ledger_id, position, leaf, position)
    return {"checkpoint": [checkpoint], "runs": rows, "counts": sorted(counts.items())}


def copy_of(folder: Path, name: str) -> Path:
    """Copy a ledger beside itself."""
    copy = folder.with_name(name)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    return copy


def rebuilt(folder: Path) -> Path:
    """Copy a ledger and have its read model built from zero."""
    copy = copy_of(folder, f"{folder.name}-rebuilt")
    shutil.rmtree(copy / "read-models", ignore_errors=True)
    with RunHistory(copy) as history:
        history.catch_up()
    return copy


def dump_of(folder: Path) -> list[tuple[str, str, str]]:
    """Open a history only to dump it."""
    with RunHistory(folder) as history:
        return history.dump()


def story(run: int) -> list[NewEvent]:
    """Tell a run with a retry, eight events."""
    return tell(
        started("load", "merge", number=run),
        began("load"),
        failed("load", retry=True),
        began("load", 2),
        done("load", 2, rows=run),
        annotated("slow" if run % 3 else None, checked=run),
        ended("failed" if run % 2 else "success", "because" if run % 2 else None),
        annotated(seen=True),
        run_id=f"run-{run:04d}",
    )


def stories(count: int, first: int = 0) -> list[NewEvent]:
    """Tell several runs, interleaved."""
    told = [story(run) for run in range(first, first + count)]
    return [event for step in zip(*told, strict=True) for event in step]


def catch_up(folder: Path, *, batch: int = 5000) -> int:
    """Bring the model up in this process, and give its position."""
    projector = Projector(LogReader(folder), batch=batch)
    projector.catch_up(LogReader(folder).position)
    return projector.position()


def position_in(model: Path) -> int:
    """Read where a model stands."""
    with closing(sqlite3.connect(f"{model.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT position FROM checkpoint").fetchone()
    return int(row[0])


def has_passed(model: Path, position: int) -> bool:
    """Tell whether a model stands behind a position."""
    return position_in(model) > position
