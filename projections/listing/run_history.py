"""``RunHistory``: the questions people ask of their runs, answered from the read model.

Every answer sees all that was acknowledged before it was asked: it catches up itself, or waits for
the process that is projecting.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ledger import LogReader
from ledger.errors import InvalidEvent
from ledger.fields import RUN_ID
from ledger.reading.cut_short import find_cut
from ledger.reading.sound_reading import OutOfReach
from projections.engine.projector import PATIENCE
from projections.listing.as_of import AsOf, list_as_of, position_of, run_as_of
from projections.listing.run_filter import ANY_RUN, RESULTS, RunFilter
from projections.listing.run_lanes import RunsAsked
from projections.listing.run_listing import ListedRun, kept_total, list_page
from projections.listing.run_order import RunKey, RunOrder
from projections.listing.runs_page import RunDetail, RunsPage, detail, goes_on, judged
from projections.read_model.degraded import Degraded, degraded_of
from projections.read_model.model_reading import Answer, ModelReading
from projections.read_model.out_of_reach import ranges_of
from projections.read_model.queries import query
from projections.runs.run_summary import RunSummary

__all__ = ["RESULTS", "RunHistory", "RunsPage"]

_AFTER_ALL_IDS = "\x7f"
_MOST = sys.maxsize - 1


class RunHistory:
    """The runs of one ledger. Safe to share between threads and with forked children."""

    def __init__(
        self, folder: Path | str, *, patience: float = PATIENCE, longest: float = math.inf
    ) -> None:
        """Read the ledger in ``folder``.

        Args:
            folder: the data folder.
            patience: seconds to wait for another process that is projecting.
            longest: seconds that one answer may take; what takes longer is given up.

        Raises:
            LedgerNotFound: there is none; reading never creates one.
        """
        self.reader = LogReader(folder)
        self._model = ModelReading(self.reader, patience=patience, longest=longest)

    def list_runs(
        self,
        *,
        limit: int = 100,
        result_filter: str | None = None,
        matching: RunFilter = ANY_RUN,
        order: RunOrder | str = RunOrder.NEWEST,
        after: RunKey | None = None,
        as_of: AsOf | None = None,
    ) -> list[RunSummary]:
        """List runs.

        Args:
            limit: how many at most.
            result_filter: only runs with this result: ``success``, ``failed`` or ``stopped``.
            matching: only runs like this.
            order: ``newest``, ``oldest``, ``longest`` or ``shortest`` first.
            after: only what lies behind this place, which ``runs_page`` gives.
            as_of: as it was at a position, or at an aware time; ``liveness`` is then null.

        Raises:
            InvalidEvent: an argument is not what it must be; names it.
            AsOfNotReached: the log does not reach that position.
        """
        asked = _asked(limit, result_filter, matching, order, after)
        position = None if as_of is None else position_of(self.reader, as_of)
        rows = self._model.ask(lambda connection, _: self._rows(connection, asked, position))
        items = [row.summary for row in rows]
        items = items if position is not None else self._judged(items)
        return RunSummary.all_from_stored(items, [row.attempts for row in rows])

    def runs_page(
        self,
        *,
        limit: int = 100,
        result_filter: str | None = None,
        matching: RunFilter = ANY_RUN,
        order: RunOrder | str = RunOrder.NEWEST,
        after: RunKey | None = None,
        as_of: AsOf | None = None,
    ) -> RunsPage:
        """List runs as ``list_runs`` does, as encoded JSON without attempts.

        The total is told where it is kept: for a result, a pipeline, both, running, and all.
        """
        asked = _asked(limit, result_filter, matching, order, after)
        one_more = msgspec.structs.replace(asked, limit=asked.limit + 1, attempts=False)
        past = None if as_of is None else position_of(self.reader, as_of)

        def answer(connection: sqlite3.Connection, position: int) -> RunsPage:
            rows = self._rows(connection, one_more, past)
            lost, degraded = _lacks(connection)
            shown = rows[: asked.limit]
            last = shown[-1] if len(rows) > len(shown) else None
            behind = RunKey.of(asked.order, last.at, last.run) if last else None
            items = [row.summary for row in shown]
            if past is not None:
                lost = [one for one in lost if one.first <= past]
                return RunsPage(items, None, past, lost, behind, degraded)
            total = kept_total(connection, asked.matching)
            return RunsPage(self._judged(items), total, position, lost, behind, degraded)

        return self._model.ask(answer)

    def _rows(
        self, connection: sqlite3.Connection, asked: RunsAsked, past: int | None
    ) -> list[ListedRun]:
        if past is None:
            return list_page(connection, asked)
        return list_as_of(connection, self.reader, asked, past)

    def get_run(self, run_id: str, *, as_of: AsOf | None = None) -> RunSummary | None:
        """Give one run, now or as it was; None when it is unknown, or was then."""
        text = self.run_json(run_id, as_of=as_of)
        return None if text is None else RunSummary.model_validate_json(text)

    def run_json(self, run_id: str, *, as_of: AsOf | None = None) -> str | None:
        """Give one run as ``get_run`` does, as the JSON that is served."""
        found = self.run_detail(run_id, as_of=as_of)
        return None if found is None else found.text

    def run_detail(self, run_id: str, *, as_of: AsOf | None = None) -> RunDetail | None:
        """Give one run as ``get_run`` does, with the position that the answer reflects."""
        if not RUN_ID.fullmatch(run_id):
            return None
        past = None if as_of is None else position_of(self.reader, as_of)

        def answer(connection: sqlite3.Connection, position: int) -> RunDetail | None:
            lost, degraded = _lacks(connection)
            if past is not None:
                then = run_as_of(connection, self.reader, run_id, past)
                lost = [one for one in lost if one.first <= past]
                return None if then is None else RunDetail(detail(*then), past, lost, degraded)
            row = connection.execute(query("one_run"), (run_id,)).fetchone()
            if row is None:
                return None
            text = detail(self._judged(row[:1])[0], row[1])
            return RunDetail(text, position, lost, degraded)

        return self._model.ask(answer)

    def first_position(self, run_id: str) -> int | None:
        """Give the position of a run's first event; None where there is no such run."""
        if not RUN_ID.fullmatch(run_id):
            return None
        row = self._model.ask(
            lambda connection, _: connection.execute(query("run_in_time"), (run_id,)).fetchone()
        )
        return None if row is None else int(row[0])

    def get_run_count(
        self, *, result_filter: str | None = None, pipeline: str | None = None
    ) -> int:
        """Count the runs, or those with one result, of one pipeline, or both."""
        asked = _with_result(RunFilter(pipeline=pipeline), result_filter)
        return self._model.ask(lambda connection, _: kept_total(connection, asked) or 0)

    def running_runs(self) -> list[RunSummary]:
        """List all runs that have no end yet, newest first."""
        return self.list_runs(limit=_MOST, matching=RunFilter(running=True))

    def find_run_ids(self, prefix: str, *, limit: int = 10) -> list[str]:
        """Find the run ids that begin with ``prefix``."""
        if prefix and not RUN_ID.fullmatch(prefix):
            return []
        values = (prefix, prefix + _AFTER_ALL_IDS, limit)
        rows = self._model.ask(
            lambda connection, _: connection.execute(query("runs_by_prefix"), values).fetchall()
        )
        return [run_id for (run_id,) in rows]

    def pipelines_of(self, run_ids: Iterable[str], *, least: int | None = None) -> dict[str, str]:
        """Give the pipelines of runs, of those that have one.

        ``least`` is a position by which they have all begun; None is the last that is durable.
        """
        values = (msgspec.json.encode(list(run_ids)).decode(),)
        return self._model.ask(
            lambda connection, _: dict(
                connection.execute(query("pipelines_of"), values).fetchall()
            ),
            least=least,
        )

    def out_of_reach(self) -> list[OutOfReach]:
        """List what a damaged log did not let be read; empty where the log is sound."""
        return self.standing()[1]

    def standing(self) -> tuple[int, list[OutOfReach]]:
        """Give the position that answers reflect now, and what is out of reach up to there."""
        position, ranges = self._model.ask(
            lambda connection, position: (
                position,
                ranges_of(connection.execute(query("out_of_reach"))),
            )
        )
        # What the model was built on may be gone; a view that is up to date would not notice.
        cut = find_cut(self.reader.folder, self.reader.mark())
        if cut is not None and not any(item.first <= cut.first <= item.last for item in ranges):
            ranges.append(cut)
        return position, ranges

    def catch_up(self) -> int:
        """Bring the view to all that is durable now, and give the position it reflects."""
        return self._model.ask(lambda _, position: position)

    def look_for_lost(self) -> None:
        """Take in what was out of reach, where it can be read again by now."""
        if self.out_of_reach():
            # Whoever opens a model compares what it lacks with the log.
            self._model.look_again()
            self.catch_up()

    def generation(self) -> tuple[int, ...]:
        """Tell the current model from the ones before it; cheap, and never a wait."""
        return self._model.pointed()

    def ask(self, question: Callable[[sqlite3.Connection, int], Answer]) -> Answer:
        """Ask the read model itself: of one state of it, whose position the question is given.

        Raises:
            ReadModelUnusable: the model can be neither read nor built.
        """
        return self._model.ask(question)

    def dump(self) -> list[tuple[str, str, str]]:
        """Give every row (run id, list item, attempts) in order; equal views give equal dumps."""
        return self._model.ask(
            lambda connection, _: connection.execute(query("dump_runs")).fetchall()
        )

    def degraded(self) -> list[Degraded]:
        """List the projections that could not take every event; empty where all could."""
        return self._model.ask(
            lambda connection, _: degraded_of(connection.execute(query("degraded")))
        )

    def _judged(self, items: Sequence[str]) -> list[str]:
        """Fill in the liveness of runs that have not ended, which depends on the clock."""
        folder, now = self.reader.folder, datetime.now(UTC)
        return [judged(item, folder, now) if goes_on(item) else item for item in items]

    def close(self) -> None:
        """Let go of the connection. Closing twice does nothing."""
        self._model.close()

    def __enter__(self) -> Self:
        """Give the history itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()


def _lacks(connection: sqlite3.Connection) -> tuple[list[OutOfReach], list[Degraded]]:
    """Give what a view does not show: what cannot be read, and what could not be taken."""
    (nothing,) = connection.execute(query("lacks_nothing")).fetchone()
    if nothing:
        return [], []
    lost = ranges_of(connection.execute(query("out_of_reach")))
    return lost, degraded_of(connection.execute(query("degraded")))


def _asked(
    limit: int,
    result: str | None,
    matching: RunFilter,
    order: RunOrder | str,
    after: RunKey | None,
) -> RunsAsked:
    """Check what is asked for.

    Raises:
        InvalidEvent: names the argument.
    """
    if limit < 1:
        raise InvalidEvent("limit", f"{limit} is not a whole number from 1 up")
    if order not in list(RunOrder):
        raise InvalidEvent("order", f"{order!r} is not one of {', '.join(RunOrder)}")
    asked = RunsAsked(
        matching=_with_result(matching, result),
        order=RunOrder(order),
        limit=min(limit, _MOST),
        after=after,
    )
    if after is not None:
        after.check_order(asked.order)
    return asked


def _with_result(matching: RunFilter, result: str | None) -> RunFilter:
    if result is None:
        return matching
    if matching.result not in (None, result):
        raise InvalidEvent("result", f"{result!r} and {matching.result!r} cannot both be")
    # By its own checks: the text comes from the caller.
    return RunFilter(**{**msgspec.structs.asdict(matching), "result": result})
