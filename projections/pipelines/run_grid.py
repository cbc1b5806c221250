"""How each stage went in each of the last runs of a pipeline: a grid of runs by stages."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from projections.listing.run_history import RunHistory
from projections.pipelines.recent_runs import RecentRun, recent_run
from projections.read_model.queries import query

__all__ = ["GridCell", "GridRun", "RunGrid", "run_grid"]

StageState = Literal[
    "completed", "failed", "stopped", "running", "unfinished", "skipped", "waiting", "unreached"
]

_FOR_EVER = 2**63 - 1


class GridCell(msgspec.Struct, frozen=True, gc=False):
    """How a stage went in a run.

    Attributes:
        state: how its last attempt stands; ``unfinished`` is cut off. Of a stage that is only
            planned: ``waiting``, and ``unreached`` once the run has ended.
        attempts: how many there were.
        seconds: how long all of them took that ended; None where none did.
    """

    state: StageState
    attempts: int = 0
    seconds: float | None = None


class GridRun(msgspec.Struct, frozen=True):
    """A run, and its stages by their names."""

    position: int
    run: RecentRun
    cells: Mapping[str, GridCell]


class RunGrid(msgspec.Struct, frozen=True):
    """Runs of a pipeline, the oldest first, and the stages of all of them.

    Attributes:
        runs: in the order of the log.
        stages: as the newest run has them, then those that only older ones have.
        before: the position that older runs begin before; None where there are none.
    """

    runs: Sequence[GridRun]
    stages: Sequence[str]
    before: int | None


class _Attempt(msgspec.Struct, frozen=True, gc=False):
    stage: str
    result: str | None = None
    duration_seconds: float | None = None


class _Skipped(msgspec.Struct, frozen=True, gc=False):
    stage: str


class _Summary(msgspec.Struct, frozen=True, gc=False):
    """What matters of a list item; the rest is passed over."""

    run_id: str
    stages_planned: tuple[str, ...]
    stages_executed: tuple[str, ...]
    stages_failed: tuple[str, ...]
    stages_skipped: tuple[_Skipped, ...]


_read_attempts = msgspec.json.Decoder(tuple[_Attempt, ...]).decode
_read_summary = msgspec.json.Decoder(_Summary).decode
_STATES: Mapping[str, StageState] = {
    "success": "completed",
    "failed": "failed",
    "stopped": "stopped",
}


def run_grid(
    history: RunHistory, pipeline: str, *, limit: int, before: int | None = None
) -> RunGrid:
    """Lay out the last runs of a pipeline.

    Args:
        history: of the ledger.
        pipeline: its name; an unknown one has no runs.
        limit: how many runs at most.
        before: only runs that began before this position of the log.
    """
    values = {
        "pipeline": pipeline,
        "before": _FOR_EVER if before is None else before,
        "limit": limit + 1,
    }

    def answer(connection: sqlite3.Connection, _position: int) -> RunGrid:
        rows = connection.execute(query("last_runs_in_detail"), values).fetchall()
        runs = [_grid_run(row) for row in rows[-limit:]]
        stages = dict.fromkeys(stage for one in reversed(runs) for stage in one.cells)
        return RunGrid(runs, list(stages), runs[0].position if len(rows) > limit else None)

    return history.ask(answer)


def _grid_run(row: Sequence[Any]) -> GridRun:
    position, result, started, seconds, summary, attempts = row
    found = _read_summary(summary)
    run = recent_run(found.run_id, result, started, seconds)
    return GridRun(position, run, _cells(found, _read_attempts(attempts), goes_on=result is None))


def _cells(
    found: _Summary, attempts: Sequence[_Attempt], *, goes_on: bool
) -> Mapping[str, GridCell]:
    """Say of each stage how it went, the planned ones first."""
    cells = dict.fromkeys(found.stages_planned, GridCell("waiting" if goes_on else "unreached"))
    cells |= {one.stage: GridCell("skipped") for one in found.stages_skipped}
    # An imported run names its stages and has no attempts.
    cells |= dict.fromkeys(found.stages_executed, GridCell("completed"))
    cells |= dict.fromkeys(found.stages_failed, GridCell("failed"))
    tries: dict[str, list[_Attempt]] = {}
    for attempt in attempts:
        tries.setdefault(attempt.stage, []).append(attempt)
    for stage, made in tries.items():
        open_state: StageState = "running" if goes_on else "unfinished"
        took = [one.duration_seconds for one in made if one.duration_seconds is not None]
        state = _STATES.get(made[-1].result or "", open_state)
        # A sum that is no number any more could not be shown.
        seconds = min(sum(took), sys.float_info.max) if took else None
        cells[stage] = GridCell(state, len(made), seconds)
    return cells
