"""Which lines ``runfold replay`` prints: of which run and types, from where, up to where."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from automation.errors import BadArgument, RunNotFound
from ledger import LogReader
from ledger.disk.mark import Mark
from ledger.errors import LedgerReplaced
from ledger.events import EVENT_TYPES
from ledger.plain_values import utc_text
from ledger.reading.time_position import position_at
from projections.listing.as_of import AsOf
from projections.listing.period import check_period

__all__ = ["Selection", "check_type", "select"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for.

    Attributes:
        run_id: only this run.
        after: only what lies behind this position.
        until: nothing behind this position.
        as_of: nothing recorded after this time, 27 characters of UTC.
        types: only these; all where it is empty.
    """

    run_id: str | None
    after: int
    until: int | None
    as_of: str | None
    types: frozenset[str]

    def recorded(self, reader: LogReader, mark: Mark) -> Iterator[bytes]:
        """Yield the lines that are in the log up to a mark, without their newlines.

        Raises:
            RunNotFound: the log holds no such run.
        """
        known = False
        lines = (
            reader.read_lines(self.after, self.until, mark=mark)
            if self.run_id is None
            else reader.run_lines(self.run_id, mark=mark)
        )
        for line in lines:
            known = True
            if self._is_behind(line.end.position, line.envelope.recorded_at):
                break
            if line.end.position > self.after and self._takes(line.envelope.type):
                yield line.raw
        if self.run_id is not None and not known:
            raise RunNotFound(self.run_id, reader.folder.path)

    def coming(self, reader: LogReader, after: int, leaf: str) -> Iterator[bytes]:
        """Yield the lines that are appended behind a position, as they come.

        Raises:
            LedgerReplaced: the line at the position is no longer the one with this leaf hash.
        """
        if self.until is not None and self.until <= after:
            return
        for event in reader.follow(after):
            if event.position == after + 1 and event.prev != leaf:
                raise LedgerReplaced(reader.folder.path, f"position {after} is another event now")
            if self.run_id in (None, event.run_id) and self._takes(event.type):
                yield event.line
            if event.position == self.until:
                return

    def _is_behind(self, position: int, recorded_at: str) -> bool:
        # The times never run backwards, so the first that is too late ends it.
        return (self.until is not None and position > self.until) or (
            self.as_of is not None and recorded_at > self.as_of
        )

    def _takes(self, event_type: str) -> bool:
        return not self.types or event_type in self.types


def select(
    reader: LogReader,
    *,
    run_id: str | None,
    after: AsOf,
    until: AsOf | None,
    types: Sequence[str],
    follow: bool,
) -> Selection:
    """Say what was asked for.

    Args:
        reader: of the log.
        run_id: only this run.
        after: only what lies behind this position, or was recorded later.
        until: nothing behind this position, or recorded later.
        types: only these; all where it is empty.
        follow: whether what is appended is asked for, too.

    Raises:
        BadArgument: a type that is not known, or a time up to which to follow.
        PeriodReversed: the second of two moments is before the first.
    """
    for event_type in types:
        check_type(event_type)
    if isinstance(until, datetime) and follow:
        raise BadArgument("--until", "with --follow it must be a position")
    if isinstance(after, datetime) and isinstance(until, datetime):
        check_period(("--after", after), ("--until", until))
    behind = position_at(reader, after) if isinstance(after, datetime) else after
    if isinstance(until, datetime):
        return Selection(run_id, behind, None, utc_text(until), frozenset(types))
    return Selection(run_id, behind, until, None, frozenset(types))


def check_type(event_type: str) -> None:
    """Refuse what is no type of event.

    Raises:
        BadArgument: it is none; says which one may be meant.
    """
    if event_type not in EVENT_TYPES:
        close = difflib.get_close_matches(event_type, EVENT_TYPES, n=1)
        meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(EVENT_TYPES)}"
        raise BadArgument("--type", f"{event_type!r} is no type of event; {meant}")
