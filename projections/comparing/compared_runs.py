"""Compare runs of a ledger: by default one with the last success of its pipeline before it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from ledger.line.replayed import ReplayedEvent
from projections.comparing.run_comparison import NO_BASELINE, RunComparison, compare_runs
from projections.engine.sound_replay import refold
from projections.errors import NoEarlierSuccess
from projections.listing.run_history import RunHistory
from projections.listing.runs_page import detail, judged
from projections.read_model.queries import query
from projections.runs.run_summary import RunSummary
from projections.statistics.baselines import Baseline, baseline_of

__all__ = ["ComparedRuns", "compare_recorded", "compared_runs"]


class ComparedRuns(NamedTuple):
    """A comparison, and the two runs that it is of."""

    comparison: RunComparison
    a: RunSummary
    b: RunSummary


def compare_recorded(
    history: RunHistory, run_id: str, other_id: str | None = None
) -> RunComparison | None:
    """Compare two runs, both as they are at one position.

    Args:
        history: of the ledger.
        run_id: the run that is asked about.
        other_id: what it is compared with; where it is not named, the last run of its pipeline
            that began before it and succeeded.

    Returns:
        The comparison; None where a run that is named is unknown.

    Raises:
        NoEarlierSuccess: there is no such success.
    """
    found = compared_runs(history, run_id, other_id)
    return None if found is None else found.comparison


def compared_runs(
    history: RunHistory, run_id: str, other_id: str | None = None
) -> ComparedRuns | None:
    """Compare two runs as ``compare_recorded`` does, and give them as well."""

    def answer(connection: sqlite3.Connection, position: int) -> ComparedRuns | None:
        run = _run(connection, history, run_id)
        if run is None:
            return None
        if other_id is None:
            other = _run(connection, history, _last_success(connection, run))
        else:
            other = _run(connection, history, other_id)
        if other is None:
            return None
        events_a, events_b = _events(history, run), _events(history, other)
        baseline = _baseline(connection, run, other)
        return ComparedRuns(
            compare_runs(run, other, events_a, events_b, position=position, baseline=baseline),
            run,
            other,
        )

    return history.ask(answer)


def _run(connection: sqlite3.Connection, history: RunHistory, run_id: str) -> RunSummary | None:
    row = connection.execute(query("one_run"), (run_id,)).fetchone()
    if row is None:
        return None
    item = judged(row[0], history.reader.folder, datetime.now(UTC))
    return RunSummary.model_validate_json(detail(item, row[1]))


def _last_success(connection: sqlite3.Connection, run: RunSummary) -> str:
    """Find the last success of a run's pipeline before it, by the order of the log."""
    values = (run.pipeline, run.started_position)
    row = connection.execute(query("success_before"), values).fetchone()
    if row is None:
        raise NoEarlierSuccess(run.run_id, run.pipeline)
    return RunSummary.from_stored(row[0], "[]").run_id


def _baseline(connection: sqlite3.Connection, run: RunSummary, other: RunSummary) -> Baseline:
    """Give what was usual before the later of two runs, if they are of one pipeline."""
    if run.pipeline is None or run.pipeline != other.pipeline:
        return NO_BASELINE
    later = max((run, other), key=lambda one: one.started_position)
    return baseline_of(connection, later.run_id) or NO_BASELINE


def _events(history: RunHistory, run: RunSummary) -> Iterable[ReplayedEvent]:
    return refold(history.reader, run.run_id, run.last_position)
