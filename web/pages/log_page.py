"""A page of the log, read backwards: the newest events below a position that meet a condition.

Lines can only be read forwards, so the log is read window by window, the last one first. A type or
a pipeline has no index: one page looks at a bounded number of lines, and the next one goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from ledger import LogReader
from ledger.errors import LedgerDamaged, LedgerReplaced
from ledger.events import RUNLESS_TYPES
from ledger.fields import RUN_ID
from ledger.line.walk import Line
from projections import RunHistory
from web.event_row import EventRow, event_row

__all__ = ["EventFilter", "Gap", "LogPage", "read_log_page"]

_WINDOW = 1_000
_LOOKED_AT = 3_000
"""Lines that one page looks at at most: some tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; each condition that is given must hold."""

    run: str | None = None
    type: str | None = None
    pipeline: str | None = None

    @property
    def is_all(self) -> bool:
        """Tell whether nothing is left out."""
        return self.run is None and self.type is None and self.pipeline is None


@dataclass(frozen=True, slots=True)
class Gap:
    """Positions that cannot be read, and why."""

    first: int
    last: int
    reason: str

    @property
    def position(self) -> int:
        """The last of them, by which it has its place in the list."""
        return self.last


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of events, the newest first.

    Attributes:
        rows: the events, and what cannot be read between them.
        before: the position below which the next page goes on; None where there is nothing more.
        looked_at: how many positions were looked at, where not all before them were; else 0.
    """

    rows: Sequence[EventRow | Gap]
    before: int | None = None
    looked_at: int = 0


def read_log_page(
    history: RunHistory, matching: EventFilter, *, before: int, limit: int
) -> LogPage:
    """Read the newest events below a position.

    Args:
        history: of the ledger.
        matching: which events.
        before: only what lies before this position.
        limit: how many at most.
    """
    if matching.run is not None or matching.type in RUNLESS_TYPES:
        return _page_of_run(history, matching, before=before, limit=limit)
    found: list[Line | Gap] = []
    high, window = before - 1, limit if matching.is_all else _WINDOW
    least = 0 if matching.is_all else max(0, high - _LOOKED_AT)
    while high > least and len(found) < limit:
        low = max(least, high - window)
        found += reversed(_meeting(history, _window(history.reader, low, high), matching))
        high = low
    if len(found) > limit:
        rows = _shown(found[:limit])
        return LogPage(rows, rows[-1].position)
    looked_at = before - 1 - high if len(found) < limit and high else 0
    return LogPage(_shown(found), high + 1 if high else None, looked_at)


def _page_of_run(history: RunHistory, matching: EventFilter, *, before: int, limit: int) -> LogPage:
    """Read the events of one run, or of none, which an index finds."""
    run, pipeline = matching.run, matching.pipeline
    if run is not None and not RUN_ID.fullmatch(run):
        return LogPage(())
    if pipeline is not None and history.pipelines_of([run] if run else []) != {run: pipeline}:
        return LogPage(())
    mark = history.reader.mark()
    above: list[Line] = []
    below: list[Line | Gap] = []
    try:
        lines = history.reader.runs.lines_back(run, before - 1, mark)
        above.extend(islice(_of_type(lines, matching), limit + 1))
    except (LedgerDamaged, LedgerReplaced) as error:
        lowest = above[-1].end.position if above else before
        position = getattr(error, "position", 0) or lowest - 1
        below.append(Gap(position, position, str(error)))
        sound: deque[Line] = deque(maxlen=limit)
        with suppress(LedgerDamaged, LedgerReplaced):
            sound.extend(_of_type(history.reader.runs.lines(run, position, mark), matching))
        below.extend(reversed(sound))
    found = [*above, *below]
    rows = _shown(found[:limit])
    return LogPage(rows, rows[-1].position if len(found) > limit else None)


def _of_type(lines: Iterable[Line], matching: EventFilter) -> Iterator[Line]:
    return (line for line in lines if matching.type in (None, line.envelope.type))


def _window(reader: LogReader, after: int, until: int) -> list[Line | Gap]:
    """Read some lines; where one is damaged, those around it and what is missing."""
    try:
        return list(reader.read_lines(after, until))
    except (LedgerDamaged, LedgerReplaced):
        return [
            item if isinstance(item, Line) else Gap(item.first, item.last, item.reason)
            for item in reader.read_sound_lines(after, until)
        ]


def _meeting(
    history: RunHistory, found: Sequence[Line | Gap], matching: EventFilter
) -> Sequence[Line | Gap]:
    """Leave out what is not asked for; what cannot be read might have been."""
    if matching.type is not None:
        found = [one for one in found if isinstance(one, Gap) or one.envelope.type == matching.type]
    if matching.pipeline is None:
        return found
    runs = {one.envelope.run_id for one in found if isinstance(one, Line)}
    pipelines = history.pipelines_of({run for run in runs if run is not None})
    return [
        one
        for one in found
        if isinstance(one, Gap) or pipelines.get(one.envelope.run_id or "") == matching.pipeline
    ]


def _shown(found: Sequence[Line | Gap]) -> Sequence[EventRow | Gap]:
    return [one if isinstance(one, Gap) else event_row(one) for one in found]
