"""The activity: how many runs began when, by how they ended.

Hours are kept, not counted, so that years of runs cost no more than the slots they are put into. A
pipeline of its own, and a range that is shorter than a few hours, are counted by an index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from projections.listing.run_filter import check_moment
from projections.listing.run_history import RunHistory
from projections.read_model.queries import query
from projections.statistics.time_buckets import FIRST, LAST

__all__ = ["Activity", "list_activity"]

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_HOUR = 3_600
_FINE = (1, 5, 15, 30, 60, 300, 600, 900, 1_800)
_COARSE = tuple(_HOUR * hours for hours in (1, 2, 3, 6, 12, 24, 48, 168, 720, 2_160, 8_760))
_MOST_SLOTS = 72
_LATELY = timedelta(days=60)
_FEW_HOURS = timedelta(hours=12)


class Activity(msgspec.Struct, frozen=True):
    """How many runs began in each slot of time.

    Attributes:
        begin: when the first slot begins.
        slot: how long each is.
        counts: for each slot the number of runs by result; ``running`` for those without an end.
    """

    begin: datetime
    slot: timedelta
    counts: Sequence[Mapping[str, int]]

    @property
    def end(self) -> datetime:
        """When the last slot ends."""
        return self.begin + len(self.counts) * self.slot


def list_activity(
    history: RunHistory,
    *,
    pipeline: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
) -> Activity | None:
    """Count the runs that began in each slot of a range; None where no start is known.

    However long the range is, there are at most 72 slots, which are as long as that takes.

    Args:
        history: the runs.
        pipeline: only runs of this one.
        after: where the range begins; if not given, with the first run, but at most 60 days
            before its end.
        before: where it ends; if not given, with the last run.

    Raises:
        InvalidEvent: a time has no zone, or is beyond the calendar.
    """
    for name, moment in (("after", after), ("before", before)):
        if moment is not None:
            check_moment(name, moment)

    def answer(connection: sqlite3.Connection, _position: int) -> Activity | None:
        first, last = connection.execute(query("first_and_last_hour")).fetchone()
        if first is None:
            return None
        end = _seconds((last + 1) * _HOUR) if before is None else _within_calendar(before)
        begin = max(_seconds(first * _HOUR), end - _LATELY)
        begin = begin if after is None else _within_calendar(after)
        return _count(connection, pipeline, begin, max(end, begin + timedelta(seconds=1)))

    return history.ask(answer)


def _seconds(since_1970: int) -> datetime:
    """Give a time; one at the ends of the calendar is moved in, where slots have their bounds."""
    return _EPOCH + timedelta(seconds=min(max(since_1970, FIRST), LAST))


def _within_calendar(moment: datetime) -> datetime:
    return min(max(moment, _seconds(FIRST)), _seconds(LAST))


def _count(
    connection: sqlite3.Connection, pipeline: str | None, begin: datetime, end: datetime
) -> Activity:
    steps = _FINE + _COARSE if end - begin <= _FEW_HOURS else _COARSE
    seconds = (end - begin).total_seconds()
    step = next((one for one in steps if seconds / one <= _MOST_SLOTS - 1), None)
    slot = _DAY if step is None else timedelta(seconds=step)
    # From a whole slot on, so that the slots stay where they are while time goes on.
    begin = _EPOCH + (begin - _EPOCH) // slot * slot
    if step is None:
        # Centuries: as many days as it takes, but the last one ends where the calendar may end.
        slot *= -(-(end - begin) // (slot * (_MOST_SLOTS - 1)))
    slots = -(-(end - begin) // slot)
    counts: list[dict[str, int]] = [{} for _ in range(slots)]
    for number, result, runs in _rows(connection, pipeline, begin, slot, slots):
        counts[number][result or "running"] = runs
    return Activity(begin, slot, counts)


def _rows(
    connection: sqlite3.Connection,
    pipeline: str | None,
    begin: datetime,
    slot: timedelta,
    slots: int,
) -> Iterable[tuple[int, str, int]]:
    width = slot // _MICRO
    start = (begin - _EPOCH) // _MICRO
    by_start = {"begin": start, "end": start + slots * width, "width": width}
    if pipeline is not None:
        return connection.execute(
            query("activity_of_pipeline"), {**by_start, "pipeline": pipeline}
        ).fetchall()
    if slot < timedelta(seconds=_HOUR):
        return connection.execute(query("activity_by_start"), by_start).fetchall()
    hours = slot // timedelta(hours=1)
    first = (begin - _EPOCH) // timedelta(hours=1)
    values = {"first": first, "end": first + slots * hours, "hours": hours}
    return connection.execute(query("activity_by_hours"), values).fetchall()
