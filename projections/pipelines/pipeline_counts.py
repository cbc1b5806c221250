"""How many runs there are of each pipeline and result, as counts that are kept."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from projections.listing.run_history import RunHistory
from projections.read_model.queries import query
from projections.runs.run_summary import UtcText

__all__ = ["PipelineCounts", "counts_by_pipeline", "pipeline_counts", "pipeline_names"]

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")


class PipelineCounts(BaseModel):
    """A pipeline, and how many runs it has of each result.

    ``pipeline`` is null for runs that have none, like those that were imported. ``last_success`` is
    when the success that began last has ended.
    """

    model_config = ConfigDict(frozen=True)

    pipeline: str | None
    runs: int
    success: int
    failed: int
    stopped: int
    running: int
    last_success: UtcText | None


def pipeline_counts(history: RunHistory) -> tuple[list[PipelineCounts], int]:
    """Count the runs of each pipeline, in order of their names; give the position as well."""
    return history.ask(lambda connection, position: (counts_by_pipeline(connection), position))


def pipeline_names(history: RunHistory, *, limit: int | None = 500) -> list[str]:
    """List the pipelines that have runs by their names, so many at most; None for all."""
    found = history.ask(lambda connection, _: connection.execute(query("pipelines")).fetchall())
    return [name for (name,) in found[:limit]]


def counts_by_pipeline(
    connection: sqlite3.Connection, only: str | None = None
) -> list[PipelineCounts]:
    """Count the runs of each pipeline, or of one alone, in one state of the read model."""
    kinds: dict[str, dict[str, int]] = {}
    for pipeline, result, runs in connection.execute(query("counts_kept"), {"pipeline": only}):
        kinds.setdefault(pipeline, {})[result or "running"] = runs
    return [
        PipelineCounts(
            pipeline=pipeline or None,
            runs=sum(counts.values()),
            **{name: counts.get(name, 0) for name in ("success", "failed", "stopped", "running")},
            last_success=_last_success(connection, pipeline),
        )
        for pipeline, counts in sorted(kinds.items(), key=lambda one: (not one[0], one[0]))
    ]


def _last_success(connection: sqlite3.Connection, pipeline: str) -> datetime | None:
    row = connection.execute(query("last_success"), (pipeline or None,)).fetchone()
    return _EPOCH + timedelta(microseconds=row[0]) if row and row[0] is not None else None
