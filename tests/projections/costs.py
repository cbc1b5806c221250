"""A projection as a package of somebody else may have it, in several versions of its code."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from ledger import EventLog, LogReader, NewEvent
from ledger.events import RunEnded, RunStarted, StageCompleted, WriterIdentity
from ledger.line.replayed import ReplayedEvent
from projections.engine.projector import Projector
from projections.projection import Projection, Row
from projections.runs.run_rows import RunRows
from tests.ledger.examples import acknowledgement, run_ended, stage_failed, stage_started

__all__ = [
    "CostState",
    "Costs",
    "DearerCosts",
    "FaultyCosts",
    "WiderCosts",
    "catch_up",
    "change",
    "record",
    "told",
]


_WRITER = WriterIdentity(host="worker-1", machine_id="elsewhere", boot_id="a boot", pid=4711)


class CostState(msgspec.Struct, frozen=True):
    """What a run has cost so far."""

    run_id: str
    pipeline: str | None = None
    stages: tuple[tuple[str, float], ...] = ()
    failures: int = 0


class Costs:
    """A row a run, one a stage that was completed, and how many runs there are of each pipeline."""

    name = "costs"
    version = 1
    state_type = CostState
    tables = """
    CREATE TABLE costs (
        run INTEGER PRIMARY KEY, pipeline TEXT, cost REAL NOT NULL, detail TEXT NOT NULL
    );
    CREATE TABLE costs_stages (run INTEGER NOT NULL, stage TEXT NOT NULL, seconds REAL NOT NULL);
    """
    indexes = """
    CREATE INDEX costs_by_stage ON costs_stages (run);
    CREATE TABLE costs_counts (pipeline TEXT PRIMARY KEY, runs INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO costs_counts SELECT coalesce(pipeline, ''), count(*) FROM costs GROUP BY 1;
    CREATE TRIGGER costs_added AFTER INSERT ON costs BEGIN
        INSERT INTO costs_counts VALUES (coalesce(new.pipeline, ''), 1)
        ON CONFLICT DO UPDATE SET runs = runs + 1;
    END;
    CREATE TRIGGER costs_removed AFTER DELETE ON costs BEGIN
        UPDATE costs_counts SET runs = runs - 1 WHERE pipeline = coalesce(old.pipeline, '');
        DELETE FROM costs_counts WHERE runs = 0;
    END;
    """
    price = 1.0

    def initial(self, run_id: str) -> CostState:
        """Begin with nothing."""
        return CostState(run_id)

    def evolve(self, state: CostState, event: ReplayedEvent) -> CostState:
        """Add up the seconds of stages."""
        data: Any = event.data
        if event.type == RunStarted.type:
            return msgspec.structs.replace(state, pipeline=data.pipeline)
        if event.type == StageCompleted.type:
            stages = (*state.stages, (data.stage, data.elapsed_seconds))
            return msgspec.structs.replace(state, stages=stages)
        if event.type == "stage_failed":
            return self.failed(state)
        return state

    def failed(self, state: CostState) -> CostState:
        """Count a failure."""
        return msgspec.structs.replace(state, failures=state.failures + 1)

    def rows(self, state: CostState) -> Iterable[Row]:
        """Give the row of the run, and those of its stages."""
        cost = sum(seconds for _, seconds in state.stages) * self.price
        detail = {"run": state.run_id, "failures": state.failures, "prices": {"a": self.price}}
        yield "costs", (state.pipeline, cost, json.dumps(detail))
        for stage, seconds in state.stages:
            yield "costs_stages", (stage, seconds)


class DearerCosts(Costs):
    """The same with another price: the next version of its code."""

    version = 2
    price = 2.0


class WiderCosts(Costs):
    """The same with a column more."""

    version = 2
    tables = Costs.tables.replace("cost REAL", "currency TEXT NOT NULL, cost REAL")

    def rows(self, state: CostState) -> Iterable[Row]:
        """Name the currency too."""
        for table, values in super().rows(state):
            yield table, ((values[0], "EUR", *values[1:]) if table == "costs" else values)


class FaultyCosts(Costs):
    """The same with a bug: it cannot take a stage that failed."""

    def failed(self, state: CostState) -> CostState:
        """Fail."""
        message = f"no price for failures of {state.run_id}"
        raise LookupError(message)


def told(run: int, *, fails: bool = False) -> list[NewEvent]:
    """Tell a run of two stages; the second may fail."""
    run_id = f"run-{run:03d}"
    stages = [
        stage_started(run_id, "load"),
        NewEvent(StageCompleted(stage="load", attempt=1, elapsed_seconds=run + 0.5), run_id),
        stage_started(run_id, "merge"),
        NewEvent(StageCompleted(stage="merge", attempt=1, elapsed_seconds=0.25), run_id),
    ]
    end = run_ended(run_id)
    if fails:
        stages[-1] = stage_failed(run_id, "merge")
        reason = "Stage merge failed: ValueError: no rows"
        failed = RunEnded(result="failed", failure_reason=reason, elapsed_seconds=2.0)
        end = NewEvent(failed, run_id)
    return [_started(run_id, f"pipeline-{run % 3}", run), *stages, end]


def _started(run_id: str, pipeline: str, day: int) -> NewEvent:
    metadata = {"day": f"{day:02d}"}
    return NewEvent(RunStarted(pipeline=pipeline, metadata=metadata, writer=_WRITER), run_id)


def record(folder: Path, runs: Iterable[int], *, failing: Sequence[int] = ()) -> Path:
    """Record runs, one after the other, with remarks in between."""
    with EventLog.open(folder, durability="process") as log:
        for run in runs:
            log.append_batch(told(run, fails=run in failing))
            log.append(acknowledgement(f"after {run}"))
        log.sync()
    return folder


def catch_up(folder: Path, *projections: Projection[Any], batch: int = 20_000) -> Path:
    """Bring the model up with ours and these projections; give its file."""
    reader = LogReader(folder)
    projector = Projector(reader, projections=(RunRows(), *projections), batch=batch)
    projector.catch_up(reader.position)
    path = projector.models.current()
    assert path is not None
    return path


def change(model: Path, sql: str) -> None:
    """Change a model behind everybody's back."""
    with closing(sqlite3.connect(model)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(sql)
