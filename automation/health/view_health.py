"""The views: how far they are, what they could not take, and runs whose writer is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import msgspec

from automation.health.symptom import Symptom, counted, fine, note, wrong
from ledger import LogReader
from ledger.errors import LedgerError
from projections.engine.projector import Projector
from projections.listing.run_filter import RunFilter
from projections.listing.run_lanes import RunsAsked
from projections.listing.run_listing import list_page
from projections.listing.runs_page import judged
from projections.read_model.current_model import reading_current
from projections.read_model.degraded import degraded_of
from projections.read_model.queries import query

__all__ = ["ViewMeasure", "judge_views", "measure_views"]

_MOST_RUNNING = 1_000
_SHOWN = 5


class ViewMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of the current read model, which is not caught up for it.

    Attributes:
        position: the last durable one.
        checkpoint: how far the model is; None where there is none that can be used.
        problem: why it cannot be read; empty where it can.
        parked: how many events each projection could not take.
        gone: runs without an end whose writer is presumed dead.
        running: how many other runs go on.
    """

    position: int
    checkpoint: int | None = None
    problem: str = ""
    parked: tuple[tuple[str, int], ...] = ()
    gone: tuple[str, ...] = ()
    running: int = 0


def measure_views(reader: LogReader, position: int, now: datetime) -> ViewMeasure:
    """Look at the model as it is."""
    try:
        with reading_current(reader, Projector(reader)) as current:
            if current is None:
                return ViewMeasure(position=position)
            asked = RunsAsked(matching=RunFilter(running=True), limit=_MOST_RUNNING, attempts=False)
            items = [row.summary for row in list_page(current.connection, asked)]
            runs = [json.loads(judged(item, reader.folder, now)) for item in items]
            gone = [run["run_id"] for run in runs if run["liveness"] == "presumed dead"]
            degraded = degraded_of(current.connection.execute(query("degraded")))
            return ViewMeasure(
                position=position,
                checkpoint=current.checkpoint.position,
                parked=tuple((item.projection, item.count) for item in degraded),
                gone=tuple(gone),
                running=len(runs) - len(gone),
            )
    except LedgerError as error:
        return ViewMeasure(position=position, problem=str(error))


def judge_views(views: ViewMeasure) -> Iterator[Symptom]:
    """Say how the views stand."""
    if views.problem:
        yield wrong("read model", views.problem, "runfold rebuild makes it anew from the log")
        return
    if views.checkpoint is None:
        found = "there is none, or none that this version can read"
        yield note("read model", found, "the next command that reads runs builds it")
        return
    lag = views.position - views.checkpoint
    if lag > 0:
        found = f"{counted(lag, 'event')} behind the log, at position {views.checkpoint}"
        yield note("read model", found, "the next command that reads runs catches up")
    else:
        yield fine("read model", f"at position {views.checkpoint}, with the log")
    if not views.parked:
        yield fine("parked events", "none")
    for projection, count in views.parked:
        found = f"{projection} could not take {counted(count, 'event')} and went on without"
        yield wrong("parked events", found, "runfold projections --parked says which, and why")
    if views.gone:
        names = ", ".join(views.gone[:_SHOWN])
        more = f" and {len(views.gone) - _SHOWN} more" if len(views.gone) > _SHOWN else ""
        advice = "on their machine, the next runfold run or serve records that they were abandoned"
        yield wrong("runs", f"presumed dead, without an end: {names}{more}", advice)
    else:
        yield fine("runs", f"{views.running} running, none presumed dead")
