"""What is known of the pipelines of a ledger, read for the decision in ``freshness.py``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from projections.listing.run_history import RunHistory
from projections.listing.runs_page import judged
from projections.pipelines.freshness import (
    Expectation,
    Finding,
    PipelineStanding,
    Slowdown,
    findings_of,
)
from projections.read_model.queries import query
from projections.runs.run_summary import RunSummary
from projections.statistics.baselines import Usual, baseline_of, finished_run, is_regression

__all__ = ["FreshnessReport", "check_freshness"]

_END = 2**63 - 1
_MOST = 100
"""Runs that are presumed dead, of one pipeline, the last of which are told."""


class FreshnessReport(BaseModel):
    """What was found.

    Attributes:
        findings: what is not as expected; none where all is.
        pipelines: those that were looked at, by their names.
        position: the position this reflects.
    """

    model_config = ConfigDict(frozen=True)

    findings: tuple[Finding, ...]
    pipelines: tuple[str, ...]
    position: int


def check_freshness(
    history: RunHistory,
    expect: Callable[[Sequence[str]], Sequence[Expectation]],
    now: datetime,
) -> FreshnessReport:
    """Check pipelines, all at one position.

    Args:
        history: of the ledger.
        expect: gives what is expected, of the pipelines that have runs.
        now: an aware time.
    """

    def answer(connection: sqlite3.Connection, position: int) -> FreshnessReport:
        known = [name for (name,) in connection.execute(query("pipelines"))]
        expectations = expect(known)
        findings = [
            finding
            for expected in expectations
            for finding in findings_of(
                expected, _standing(connection, history, expected.pipeline, now), now
            )
        ]
        looked_at = {one.pipeline for one in expectations if one.pipeline is not None}
        return FreshnessReport(
            findings=tuple(findings), pipelines=tuple(sorted(looked_at)), position=position
        )

    return history.ask(answer)


def _standing(
    connection: sqlite3.Connection, history: RunHistory, pipeline: str | None, now: datetime
) -> PipelineStanding:
    if pipeline is None or not connection.execute(query("any_run_of"), (pipeline,)).fetchone():
        return PipelineStanding()
    success = connection.execute(query("success_before"), (pipeline, _END)).fetchone()
    last = None if success is None else RunSummary.from_stored(*success)
    behind = 0 if last is None else last.started_position

    def runs(name: str, *values: object) -> list[RunSummary]:
        rows = connection.execute(query(name), (pipeline, *values)).fetchall()
        items = [judged(item, history.reader.folder, now) for (item,) in rows]
        return [RunSummary.from_stored(item, "[]") for item in items]

    return PipelineStanding(
        has_runs=True,
        last_success=last,
        going_on=runs("going_on_of"),
        given_up=runs("given_up_of", behind, _MOST),
        slowdowns=() if last is None else tuple(_slowdowns(connection, last, success[1])),
    )


def _slowdowns(
    connection: sqlite3.Connection, success: RunSummary, attempts: str
) -> Iterator[Slowdown]:
    """Tell what of a success, itself or its stages, is a regression."""
    baseline = baseline_of(connection, success.run_id)
    if baseline is None:
        return
    took = finished_run(success.duration_seconds, attempts)
    measured: list[tuple[str | None, float | None, Usual | None]]
    measured = [(None, took.seconds, baseline.run)]
    measured += [(name, took.stages[name], baseline.stages.get(name)) for name in took.stages]
    for stage, seconds, usual in measured:
        if seconds is not None and usual is not None and is_regression(seconds, usual):
            yield Slowdown(stage, seconds, usual.median)
