"""The runs as they were at a position: most rows are as they were then, the others folded again.

Which runs went on after a position is found by their ``reach``: a run whose last event lies less
than 2**reach behind its first can only have been open there if it began less than that before.
What is folded again is put into a model in memory and asked as the other is, so that a filter has
one meaning.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import reduce
from typing import Any

from ledger import LogReader
from ledger.errors import InvalidEvent, LedgerDamaged, LedgerReplaced
from ledger.line.replayed import ReplayedEvent
from ledger.reading.time_position import position_at
from projections.engine.sound_replay import refold
from projections.errors import AsOfNotReached
from projections.failures.failure_rows import FailureRows
from projections.listing.run_filter import check_moment
from projections.listing.run_lanes import Past, RunsAsked
from projections.listing.run_listing import ListedRun, list_page
from projections.projection import Projection
from projections.read_model.queries import query
from projections.read_model.row_store import RowStore, create_tables
from projections.runs.run_fold import fold, initial
from projections.runs.run_rows import RunRows, encode_run, micros

__all__ = ["AsOf", "list_as_of", "position_of", "run_as_of"]

AsOf = int | datetime
"""A position, or an aware time: the last position whose ``recorded_at`` is not after it."""

_END_OF_TIME = 2**63 - 1


def position_of(reader: LogReader, as_of: AsOf) -> int:
    """Give the position that is meant.

    Raises:
        InvalidEvent: it is below 0, or a time that is none of the log.
        AsOfNotReached: the log does not reach that far.
    """
    if isinstance(as_of, datetime):
        check_moment("as_of", as_of)
        return position_at(reader, as_of)
    if as_of < 0:
        raise InvalidEvent("as_of", f"{as_of} is no position")
    last = reader.position
    if as_of > last:
        raise AsOfNotReached(as_of, last)
    return as_of


def list_as_of(
    connection: sqlite3.Connection, reader: LogReader, asked: RunsAsked, position: int
) -> list[ListedRun]:
    """Give the page of a list as it was at a position."""
    if position == 0:
        return []
    unchanged = list_page(connection, asked, Past(position, _recorded(reader, position)))
    changed = dict(_went_on(connection, reader, position))
    if not changed:
        return unchanged
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        _fill(model, changed)
        again = list_page(model, asked)
    return asked.order.sorted([*unchanged, *again])[: asked.limit]


def run_as_of(
    connection: sqlite3.Connection, reader: LogReader, run_id: str, position: int
) -> tuple[str, str] | None:
    """Give the list item and the attempts of one run; None where it had not begun."""
    row = connection.execute(query("run_in_time"), (run_id,)).fetchone()
    if row is None or row[0] > position:
        return None
    if row[1] <= position:
        summary, attempts = connection.execute(query("one_run"), (run_id,)).fetchone()
        return summary, attempts
    state = fold(refold(reader, run_id, position), initial(run_id))
    return encode_run(state) if state.last_position else None


def _recorded(reader: LogReader, position: int) -> int:
    """Give when a position was recorded; the end of time where its line cannot be read."""
    try:
        for line in reader.read_lines(position - 1, position):
            return micros(line.envelope.recorded_at)
    except (LedgerDamaged, LedgerReplaced):
        pass
    return _END_OF_TIME


def _went_on(
    connection: sqlite3.Connection, reader: LogReader, position: int
) -> Iterator[tuple[int, Sequence[ReplayedEvent]]]:
    """Give the events of the runs that had begun by a position, and went on behind it."""
    for (reach,) in connection.execute(query("reaches")).fetchall():
        began = max(position - (1 << reach), -1)
        rows = connection.execute(query("runs_over"), (reach, began, position, position))
        for run, run_id in rows.fetchall():
            events = list(refold(reader, run_id, position))
            if events:
                yield run, events


def _fill(model: sqlite3.Connection, runs: dict[int, Sequence[ReplayedEvent]]) -> None:
    """Make a model that holds these runs, by their keys, and all that a filter asks of them."""
    projections: Sequence[Projection[Any]] = (RunRows(), FailureRows())
    create_tables(model, projections)
    store = RowStore(model, projections)
    for projection in projections:
        for run, events in runs.items():
            state = reduce(projection.evolve, events, projection.initial(events[0].run_id or ""))
            for table, values in projection.rows(state):
                store.put_rows(projection.name, table, [(run, *values)])
        model.executescript(projection.indexes)
