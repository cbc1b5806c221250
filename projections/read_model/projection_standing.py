"""How each projection stands: its version, how far it is, and what it could not take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ledger import LogReader
from ledger.errors import LedgerError
from projections.checking.digests import digest_of
from projections.checking.model_scan import quoted, tables_of, tally_tables
from projections.engine.projector import Projector
from projections.projection import Projection
from projections.read_model.current_model import CurrentModel, reading_current
from projections.read_model.degraded import degraded_of
from projections.read_model.queries import query
from projections.read_model.row_store import ParkedEvent, parked_events, projected

__all__ = ["ProjectionStanding", "parked_in", "standings"]

_COUNT = "SELECT count(*) FROM {table}"


class ProjectionStanding(msgspec.Struct, frozen=True):
    """One projection in the current read model, as it is: asking does not catch it up.

    Attributes:
        name: what it is called.
        version: that of the rows there are; None where the model does not have it.
        installed: that of the code; None where that is not installed here.
        generation: the model; None where there is none.
        checkpoint: the position up to which it was applied.
        lag_events: how many durable events it lacks.
        lag_seconds: how much later the last of them was recorded than the one at the checkpoint;
            None where either cannot be read.
        rows: how many rows it has; None where they were not counted.
        parked: how many events it could not take, and went on without.
        digest: the canonical digest of its rows, where it was asked for.
    """

    name: str
    version: int | None
    installed: int | None
    generation: str | None
    checkpoint: int
    lag_events: int
    lag_seconds: float | None
    rows: int | None
    parked: int
    digest: str | None = None


def standings(
    folder: Path | str,
    *,
    installed: Sequence[Projection[Any]] | None = None,
    digests: bool = False,
    rows: bool = True,
) -> list[ProjectionStanding]:
    """Say how every projection stands that is installed, or that the current model has.

    Args:
        folder: the data folder.
        installed: what there is; None is all that are registered.
        digests: read all rows, and give their digests.
        rows: count them, which takes a while where there are very many.

    Raises:
        LedgerNotFound: there is no ledger.
        ReadModelOfAnotherLog: the log is not the one that the model was built from.
        ReadModelUnusable: the model cannot be read.
    """
    reader = LogReader(folder)
    projector = Projector(reader, projections=installed)
    code = {projection.name: projection.version for projection in projector.projections}
    with reading_current(reader, projector) as current:
        if current is None:
            last = reader.position
            return [
                ProjectionStanding(name, None, version, None, 0, last, None, 0, 0)
                for name, version in code.items()
            ]
        return _standings(reader, current, code, digests=digests, rows=rows)


def _standings(
    reader: LogReader, current: CurrentModel, code: dict[str, int], *, digests: bool, rows: bool
) -> list[ProjectionStanding]:
    connection, checkpoint = current.connection, current.checkpoint
    held = projected(connection)
    last = max(reader.position, checkpoint.position)
    then, now = _recorded(reader, checkpoint.read_position), _recorded(reader, last)
    seconds = (now - then).total_seconds() if then and now else None
    degraded = degraded_of(connection.execute(query("degraded")))
    parked = {item.projection: item.count for item in degraded}
    return [
        ProjectionStanding(
            name=name,
            version=held.get(name),
            installed=code.get(name),
            generation=current.generation,
            checkpoint=checkpoint.position if name in held else 0,
            lag_events=last - (checkpoint.position if name in held else 0),
            lag_seconds=seconds if name in held else None,
            rows=_row_count(current, name) if rows else None,
            parked=parked.get(name, 0),
            digest=digest_of(connection, name).digest if digests and name in held else None,
        )
        for name in code | held
    ]


def _row_count(current: CurrentModel, projection: str) -> int:
    total = 0
    tables = [table.name for table in tables_of(current.connection, projection)]
    for table in tables + tally_tables(current.connection, projection):
        sql = _COUNT.format(table=quoted(table))
        total += int(current.connection.execute(sql).fetchone()[0])
    return total


def _recorded(reader: LogReader, position: int) -> datetime | None:
    """Tell when an event was recorded, where it can be read."""
    try:
        event = next(iter(reader.read(position - 1, position)), None) if position else None
    except LedgerError:
        return None
    return event.recorded_at if event else None


def parked_in(folder: Path | str) -> list[ParkedEvent]:
    """List the events that projections of the current model could not take.

    Raises what ``standings`` raises.
    """
    reader = LogReader(folder)
    with reading_current(reader, Projector(reader)) as current:
        return [] if current is None else parked_events(current.connection)
