"""Real ledgers to project, and what a read model holds, read with nothing but SQLite."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from ledger import EventLog, LogReader, NewEvent
from ledger.disk.folder import Identity, LedgerFolder
from ledger.events import LedgerCreated, RecordedEvent
from ledger.line.codec import FORMAT
from ledger.line.replayed import ReplayedEvent
from projections import RunHistory
from projections.engine.projector import Projector
from projections.failures.failure_rows import FailureRows
from projections.read_model.read_model import VERSION
from projections.registry import registered
from projections.runs.run_fold import summarize
from projections.runs.run_state import RunState
from projections.runs.run_summary import RunSummary
from projections.statistics.statistics_rows import WIDTHS, StatisticsRows
from tests.ledger.examples import event_id
from tests.projections.payloads import annotated, began, done, ended, failed, started
from tests.projections.recorded import fold_runs, record, replayed, tell

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
    "json_text",
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


TABLES = {
    "checkpoint": "SELECT * FROM checkpoint",
    "projections": "SELECT * FROM projections ORDER BY name",
    "runs": "SELECT run_id, runs.* FROM runs LEFT JOIN run_ids USING (run) ORDER BY run_id",
    "metadata": "SELECT * FROM runs_metadata ORDER BY run, key",
    "details": "SELECT * FROM runs_details ORDER BY run",
    "reasons": "SELECT * FROM runs_reasons ORDER BY run",
    "counts": "SELECT * FROM runs_counts ORDER BY pipeline, result",
    "hours": "SELECT * FROM runs_hours ORDER BY hour, result",
    "stages": "SELECT * FROM runs_stage_sets ORDER BY stages",
    "trigrams": "SELECT doc, offset, term FROM temp.words ORDER BY doc, offset, term",
    "failures": "SELECT * FROM failures ORDER BY run, position",
    "statistics": "SELECT * FROM statistics ORDER BY width, slot, pipeline, stage",
    "acknowledgements": "SELECT * FROM acknowledgements ORDER BY position",
    "states": "SELECT * FROM open_states ORDER BY run, projection",
    "parked": "SELECT * FROM parked",
    "out_of_reach": "SELECT * FROM out_of_reach",
}
"""What a read model holds; of its full-text index, which words it finds where."""

WORDS = "CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, runs_failures, instance)"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENDS = {"run_ended", "run_imported"}


def contents(model: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Read all tables of a read model at one moment."""
    with closing(sqlite3.connect(f"{model.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute(WORDS)
        connection.execute("BEGIN")
        return {name: connection.execute(sql).fetchall() for name, sql in TABLES.items()}


def expected_contents(folder: Path, position: int) -> dict[str, list[tuple[Any, ...]]]:
    """Say what a read model must hold at a position, from the events and the fold alone."""
    reader = LogReader(folder)
    events = list(reader.read(0, position))
    ended = {event.run_id for event in events if event.type in ENDS}
    expected: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
    counts: Counter[tuple[str, str]] = Counter()
    stages: Counter[str] = Counter()
    hours: Counter[tuple[int, str]] = Counter()
    for run_id, state in sorted(fold_runs(events).items()):
        run = next(event.position for event in events if event.run_id == run_id)
        summary = summarize(state)
        row = _expected_row(summary, run, state)
        expected["runs"].append((run_id, *row))
        for key, value in summary.metadata.items():
            text = value if isinstance(value, str) else json_text(value)
            expected["metadata"].append((run, key, text))
        if summary.failure_reason is not None:
            reason = summary.failure_reason.casefold().replace("\0", " ")
            expected["reasons"].append((run, reason))
        if run_id not in ended:
            expected["states"].append((run, "runs", msgspec.msgpack.encode(state)))
        expected["details"].append((run, *_expected_details(summary)))
        counts[summary.pipeline or "", summary.result or ""] += 1
        stages[row[6]] += 1
        if summary.started_at is not None:
            hour = (summary.started_at - EPOCH) // timedelta(hours=1)
            hours[hour, summary.result or ""] += 1
    _expect_failures(expected, events)
    _expect_statistics(expected, events)
    for name in ("metadata", "states", "details", "reasons"):
        expected[name].sort()
    expected["trigrams"] = _indexed(expected["reasons"])
    expected["counts"] = sorted((*kind, count) for kind, count in counts.items())
    expected["stages"] = sorted(stages.items())
    expected["hours"] = sorted((*slot, count) for slot, count in hours.items())
    expected["projections"] = sorted((one.name, one.version) for one in registered())
    checkpoint = VERSION, reader.identity.ledger_id, position, reader.leaf_at(position), position
    expected["checkpoint"] = [(1, *checkpoint)]
    return expected


def _expect_failures(
    expected: dict[str, list[tuple[Any, ...]]],
    events: Sequence[RecordedEvent],
) -> None:
    """Fold the failures of each run by themselves, and list what was said of them."""
    projection = FailureRows()
    states: dict[str, RunState] = {}
    runs: dict[str, int] = {}
    for event in replayed(events):
        if event.run_id is not None:
            runs.setdefault(event.run_id, event.position)
            state = states.get(event.run_id, projection.initial(event.run_id))
            states[event.run_id] = projection.evolve(state, event)
        elif event.type == "failure_acknowledged":
            said = event.data
            row = event.position, said.fingerprint, said.note, said.actor, event.occurred_text
            expected["acknowledgements"].append(row)
    for run_id, state in states.items():
        rows = projection.rows(state)
        expected["failures"] += [(runs[run_id], *values) for _, values in rows]
    expected["failures"].sort()


def _expect_statistics(
    expected: dict[str, list[tuple[Any, ...]]],
    events: Sequence[RecordedEvent],
) -> None:
    """Fold what each run adds to the statistics by itself, and add it up in each width."""
    projection = StatisticsRows()
    runs: dict[str, list[ReplayedEvent]] = {}
    for event in replayed(events):
        if event.run_id is not None:
            runs.setdefault(event.run_id, []).append(event)
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run_id, told in runs.items():
        state = projection.initial(run_id)
        for event in told:
            state = projection.evolve(state, event)
        for _, (_, slot, *rest), numbers in projection.tallies(state):
            for width in WIDTHS:
                held = sums.setdefault((width, int(slot) // width * width, *rest), {})
                for name, number in numbers.items():
                    both = held.get(name, number if name.startswith("max_") else 0), number
                    held[name] = max(both) if name.startswith("max_") else sum(both)
    expected["statistics"] = sorted(
        (*key, msgspec.json.encode(dict(sorted(held.items()))).decode())
        for key, held in sums.items()
    )


def _indexed(reasons: Sequence[tuple[int, str]]) -> list[tuple[Any, ...]]:
    """Have SQLite index the reasons by themselves."""
    with closing(sqlite3.connect(":memory:")) as connection:
        tokens = "tokenize='trigram case_sensitive 1'"
        connection.execute(f"CREATE VIRTUAL TABLE runs_failures USING fts5(x, {tokens})")
        connection.executemany("INSERT INTO runs_failures (rowid, x) VALUES (?, ?)", reasons)
        connection.execute(WORDS)
        return connection.execute(TABLES["trigrams"]).fetchall()


def _expected_row(summary: RunSummary, run: int, state: RunState) -> tuple[Any, ...]:
    distance = summary.last_position - run
    started, ended = summary.started_at, summary.ended_at
    backwards = started is not None and ended is not None and started > ended
    return (
        run,
        -(2**63) if started is None else (started - EPOCH) // timedelta(microseconds=1),
        ended and (ended - EPOCH) // timedelta(microseconds=1),
        summary.duration_seconds,
        summary.result,
        summary.pipeline,
        json_text([summary.stages_executed, summary.stages_failed]),
        summary.last_position,
        len(f"{distance:b}") if distance else 0,
        int(state.is_ahead or backwards),
    )


def _expected_details(summary: RunSummary) -> tuple[str, str]:
    values = summary.model_dump(mode="json")
    attempts = values.pop("attempts")
    return json_text(values), json_text(attempts)


def json_text(value: object) -> str:
    """Write JSON without blanks, as it is served."""
    return msgspec.json.encode(value).decode()


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
