"""How long runs took, by pipeline, as counts up to each of some bounds."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

__all__ = ["DurationCounts", "duration_counts"]

_COUNTS = (
    "SELECT coalesce(pipeline, ''), count(*), sum(duration), {sums}"
    " FROM runs WHERE duration IS NOT NULL GROUP BY pipeline"
)


class DurationCounts(BaseModel):
    """The durations of the runs of one pipeline; empty text stands for none.

    ``up_to`` counts, for each bound, the runs that took no longer. ``seconds`` is what all took
    together, or the largest number there is where that is more.
    """

    model_config = ConfigDict(frozen=True)

    pipeline: str
    runs: int
    seconds: float
    up_to: tuple[int, ...]


def duration_counts(
    connection: sqlite3.Connection, bounds: Sequence[float]
) -> list[DurationCounts]:
    """Count the runs of each pipeline up to each of the bounds, in seconds. Reads all runs."""
    sums = ", ".join("sum(duration <= ?)" for _ in bounds)
    rows = connection.execute(_COUNTS.format(sums=sums), tuple(bounds))
    return [
        DurationCounts(
            pipeline=row[0],
            runs=row[1],
            seconds=min(row[2], sys.float_info.max),
            up_to=row[3:],
        )
        for row in rows
    ]
