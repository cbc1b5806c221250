"""The runs, or their attempts, as rows: the first started first, then by position."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from projections.exporting.columns import Exported
from projections.exporting.export import PAGE, Export, JsonLines
from projections.listing.as_of import AsOf, list_as_of, position_of
from projections.listing.run_filter import ANY_RUN, RunFilter
from projections.listing.run_history import RunHistory
from projections.listing.run_lanes import RunsAsked
from projections.listing.run_listing import ListedRun, list_page
from projections.listing.run_order import RunKey, RunOrder

__all__ = ["export_runs", "export_stages"]

_ORDER = RunOrder.OLDEST


def export_runs(
    history: RunHistory, *, matching: RunFilter = ANY_RUN, as_of: AsOf | None = None
) -> Export:
    """Export the runs that match, each as its list item says it.

    Args:
        history: of the ledger.
        matching: only runs like this.
        as_of: as it was at a position, or at an aware time; None is for now.

    Raises:
        InvalidEvent: ``as_of`` is not what it must be.
        AsOfNotReached: the log does not reach that position.
    """
    position = _position(history, as_of)
    asked = RunsAsked(matching=matching, order=_ORDER, limit=PAGE, attempts=False)
    pages = ([row.summary.encode() for row in page] for page in _pages(history, asked, position))
    return Export(Exported.RUNS, history.reader.identity.ledger_id, position, pages)


def export_stages(
    history: RunHistory, *, matching: RunFilter = ANY_RUN, as_of: AsOf | None = None
) -> Export:
    """Export every attempt of the runs that match, run by run, in the order they began.

    Takes and raises what ``export_runs`` does.
    """
    position = _position(history, as_of)
    asked = RunsAsked(matching=matching, order=_ORDER, limit=PAGE)
    pages = (_attempts(page) for page in _pages(history, asked, position))
    return Export(Exported.STAGES, history.reader.identity.ledger_id, position, pages)


def _position(history: RunHistory, as_of: AsOf | None) -> int:
    return history.catch_up() if as_of is None else position_of(history.reader, as_of)


def _pages(history: RunHistory, asked: RunsAsked, position: int) -> Iterator[Sequence[ListedRun]]:
    def page(connection: sqlite3.Connection, reached: int) -> list[ListedRun]:
        if reached == position:
            return list_page(connection, asked)
        return list_as_of(connection, history.reader, asked, position)

    while True:
        rows = history.ask(page)
        yield rows
        if len(rows) < asked.limit:
            return
        asked = msgspec.structs.replace(asked, after=RunKey.of(_ORDER, rows[-1].at, rows[-1].run))


class _Run(msgspec.Struct, frozen=True, gc=False):
    run_id: str
    pipeline: str | None


class _Error(msgspec.Struct, frozen=True, gc=False):
    type: str | None = None
    message: str | None = None
    traceback: str | None = None


class _Attempt(msgspec.Struct, frozen=True, gc=False):
    """What is kept of an attempt, and read here."""

    stage: str
    attempt: int
    started_at: str
    ended_at: str | None
    duration_seconds: float | None
    result: str | None
    will_retry: bool
    error: _Error | None
    metrics: msgspec.Raw
    output_tail: str | None
    position: int


_read_run = msgspec.json.Decoder(_Run).decode
_read_attempts = msgspec.json.Decoder(list[_Attempt]).decode
_encode = msgspec.json.Encoder().encode
_NO_ERROR = _Error()


def _attempts(page: Sequence[ListedRun]) -> JsonLines:
    return [
        _encode(_row(run, attempt))
        for listed in page
        if listed.attempts != "[]"
        for run in [_read_run(listed.summary)]
        for attempt in _read_attempts(listed.attempts)
    ]


def _row(run: _Run, attempt: _Attempt) -> dict[str, object]:
    error = attempt.error or _NO_ERROR
    return {
        "run_id": run.run_id,
        "pipeline": run.pipeline,
        "stage": attempt.stage,
        "attempt": attempt.attempt,
        "result": attempt.result,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "duration_seconds": attempt.duration_seconds,
        "will_retry": attempt.will_retry,
        "error_type": error.type,
        "error_message": error.message,
        "error_traceback": error.traceback,
        "metrics": attempt.metrics,
        "output_tail": attempt.output_tail,
        "position": attempt.position,
    }
