"""The events as rows, in the order of the log. They come from the log itself, and are checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

import msgspec

from ledger.line.walk import Line
from projections.exporting.columns import Exported
from projections.exporting.export import PAGE, Export, JsonLines
from projections.listing.as_of import AsOf, position_of
from projections.listing.period import check_period
from projections.listing.run_history import RunHistory
from projections.read_model.queries import query

__all__ = ["ANY_EVENT", "EventFilter", "export_events"]


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What an event must be to be exported; what is None is not asked for.

    Attributes:
        run_id: of this run.
        pipeline: of a run of this pipeline.
        types: of one of these; all where it is empty.
        after: behind this position, or recorded later than this aware time.
    """

    run_id: str | None = None
    pipeline: str | None = None
    types: frozenset[str] = frozenset()
    after: AsOf = 0


ANY_EVENT = EventFilter()


def export_events(
    history: RunHistory, *, matching: EventFilter = ANY_EVENT, as_of: AsOf | None = None
) -> Export:
    """Export the events that match.

    Args:
        history: of the ledger.
        matching: only events like this.
        as_of: up to this position, or recorded by this aware time; None is for all.

    Raises:
        InvalidEvent: a position or a time is not what it must be.
        PeriodReversed: both are times, and the end is before what it goes on behind.
        AsOfNotReached: the log does not reach that position.
    """
    reader = history.reader
    if isinstance(matching.after, datetime) and isinstance(as_of, datetime):
        check_period(("after", matching.after), ("as_of", as_of))
    # The pipeline of a run is known to the read model, which must be as far as the events are.
    position = history.catch_up() if as_of is None else position_of(reader, as_of)
    after = position_of(reader, matching.after)
    pages = _pages(history, matching, after, position)
    return Export(Exported.EVENTS, reader.identity.ledger_id, position, pages)


def _pages(
    history: RunHistory, matching: EventFilter, after: int, until: int
) -> Iterator[JsonLines]:
    reader = history.reader
    lines = (
        reader.read_lines(after, until)
        if matching.run_id is None
        else reader.run_lines(matching.run_id, until)
    )
    while page := list(islice(lines, PAGE)):
        found = [line for line in page if _takes(matching, line, after)]
        if matching.pipeline is not None:
            found = _of_pipeline(history, matching.pipeline, found)
        yield [line.raw for line in found]


def _takes(matching: EventFilter, line: Line, after: int) -> bool:
    right = not matching.types or line.envelope.type in matching.types
    return right and line.end.position > after


def _of_pipeline(history: RunHistory, pipeline: str, lines: Sequence[Line]) -> list[Line]:
    run_ids = msgspec.json.encode({line.envelope.run_id for line in lines} - {None}).decode()

    def ask(connection: sqlite3.Connection, _: int) -> set[str]:
        values = {"run_ids": run_ids, "pipeline": pipeline}
        return {run_id for (run_id,) in connection.execute(query("runs_of_pipeline"), values)}

    wanted = history.ask(ask)
    return [line for line in lines if line.envelope.run_id in wanted]
