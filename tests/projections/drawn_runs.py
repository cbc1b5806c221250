"""Drawn logs of interleaved runs, drawn filters, and what a filter means, said in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from ledger import NewEvent
from ledger.events import EventData, RunEnded, RunStarted, StageCompleted, StageFailed
from projections.failures.fingerprint import fingerprint_of
from projections.listing.run_filter import PERIODS, RESULTS, RunFilter
from projections.runs.run_summary import RunSummary
from tests.projections.payloads import ERROR, WRITER, abandoned, annotated, began, imported

__all__ = ["filters", "in_order", "interleaved_runs", "meets", "moments"]

_PIPELINES = ("nightly", "hourly")
_STAGES = ("load", "merge")
_REASONS = ('no "rows"', "NO ROWS in ÜBER", "50% *", "a\0b_c", "ab")
_SEARCHED = ("no", 'O "rOws"', "über", "%", "*", "rows in", "A\0B", "b_", '"', "x", "OR", "")
_KEYS = ("day", "team")
_VALUES = (1, "1", True, "a b", None, 1.5, ["x"])
_DURATIONS = st.sampled_from([0.0, 0.5, 1.0, 2.5, 1e6])
# About the time at which the tests run: some clocks are ahead, some behind.
_NOW = datetime.now(UTC).replace(microsecond=0)
moments = st.integers(-4, 4).map(lambda hours: _NOW + timedelta(hours=hours))


@st.composite
def _stories(draw: st.DrawFn) -> list[EventData]:
    """Tell a run: going on, ended, given up, alive again, remarked on, or taken over."""
    pairs = st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_VALUES))
    if draw(st.integers(0, 9)) == 0:
        told: list[EventData] = [imported(draw(st.sampled_from(["failed", "success"])))]
    else:
        pipeline = draw(st.sampled_from(_PIPELINES))
        told = [RunStarted(pipeline=pipeline, metadata=draw(pairs), writer=WRITER)]
        for stage in draw(st.lists(st.sampled_from(_STAGES), unique=True)):
            told += [began(stage), draw(_stage_ends(stage))]
        how = draw(st.sampled_from(["goes on", "ended", "given up", "alive again"]))
        if how in ("given up", "alive again"):
            told.append(abandoned(1))
        if how == "alive again":
            told.append(began("late"))
        if how == "ended":
            result = draw(st.sampled_from(RESULTS))
            reason = None if result == "success" else draw(st.sampled_from(_REASONS))
            seconds = draw(_DURATIONS)
            told.append(RunEnded(result=result, failure_reason=reason, elapsed_seconds=seconds))
    told += [annotated(None, **draw(pairs)) for _ in range(draw(st.integers(0, 2)))]
    return told


def _stage_ends(stage: str) -> st.SearchStrategy[EventData]:
    return st.sampled_from(
        [
            StageCompleted(stage=stage, attempt=1, elapsed_seconds=0.5),
            StageFailed(stage=stage, attempt=1, error=ERROR, will_retry=False, elapsed_seconds=0.5),
        ]
    )


@st.composite
def interleaved_runs(draw: st.DrawFn, max_runs: int = 8) -> list[NewEvent]:
    """Draw several runs whose events lie between each other's."""
    left = {f"run-{at}": draw(_stories()) for at in range(draw(st.integers(1, max_runs)))}
    clocks = {run_id: draw(moments) for run_id in left}
    events: list[NewEvent] = []
    while left:
        run_id = draw(st.sampled_from(sorted(left)))
        story = left[run_id]
        clocks[run_id] += timedelta(seconds=draw(st.integers(-3, 3)))
        events.append(NewEvent(story.pop(0), run_id, occurred_at=clocks[run_id]))
        if not story:
            del left[run_id]
    return events


def _fingerprint(stage: str) -> str:
    """Give the fingerprint of the one error that stages here fail with."""
    return fingerprint_of(stage, ERROR.type, ERROR.message, ERROR.traceback)


def _maybe(drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.none() | st.none() | drawn


def _filter(kind: dict[str, Any], **asked: Any) -> RunFilter:
    for begin, end in PERIODS:
        low, high = asked[begin], asked[end]
        if low is not None and high is not None:
            asked |= {begin: min(low, high), end: max(low, high)}
    return RunFilter(**kind, **asked)


filters = st.builds(
    _filter,
    st.sampled_from([{}, {}, {"running": True}, *({"result": one} for one in RESULTS)]),
    pipeline=_maybe(st.sampled_from([*_PIPELINES, "none"])),
    stage_executed=_maybe(st.sampled_from([*_STAGES, "late", "none"])),
    stage_failed=_maybe(st.sampled_from(_STAGES)),
    metadata=st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_VALUES), max_size=1)
    | st.just({}),
    started_after=_maybe(moments),
    started_before=_maybe(moments),
    ended_after=_maybe(moments),
    ended_before=_maybe(moments),
    duration_above=_maybe(_DURATIONS),
    duration_below=_maybe(_DURATIONS),
    reason=_maybe(st.sampled_from(_SEARCHED)),
    fingerprint=_maybe(st.sampled_from([*map(_fingerprint, (*_STAGES, "none"))])),
)


def meets(run: RunSummary, asked: RunFilter) -> bool:
    """Say whether a run is what is asked for."""
    searched = (asked.reason or "").casefold().replace("\0", " ")
    held = (run.failure_reason or "").casefold().replace("\0", " ")
    return all(
        (
            asked.result in (None, run.result),
            not asked.running or run.result is None,
            asked.pipeline in (None, run.pipeline),
            asked.stage_executed is None or asked.stage_executed in run.stages_executed,
            asked.stage_failed is None or asked.stage_failed in run.stages_failed,
            all(
                key in run.metadata and _as_text(run.metadata[key]) == _as_text(value)
                for key, value in asked.metadata.items()
            ),
            _lies(run.started_at, asked.started_after, asked.started_before),
            _lies(run.ended_at, asked.ended_after, asked.ended_before),
            _lies(run.duration_seconds, asked.duration_above, asked.duration_below),
            not asked.reason or searched in held,
            asked.fingerprint is None
            or any(
                tried.result == "failed" and _fingerprint(tried.stage) == asked.fingerprint
                for tried in run.attempts
            ),
        )
    )


def _lies(value: Any, least: Any, below: Any) -> bool:
    if value is None:
        return least is None and below is None
    return (least is None or value >= least) and (below is None or value < below)


def _as_text(value: Any) -> str:
    texts = {True: "true", None: "null", 1.5: "1.5"}
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return '["x"]'
    return str(value) if type(value) is int else texts[value]


def in_order(runs: Sequence[RunSummary], order: str) -> list[RunSummary]:
    """Sort by start or duration, then by place; what has no duration comes last."""
    descending = order in ("newest", "longest")
    placed = sorted(runs, key=lambda run: run.started_position, reverse=descending)
    if order in ("newest", "oldest"):
        early = datetime.min.replace(tzinfo=UTC)
        return sorted(placed, key=lambda run: run.started_at or early, reverse=descending)
    known = [run for run in placed if run.duration_seconds is not None]
    known.sort(key=lambda run: run.duration_seconds or 0, reverse=descending)
    return known + [run for run in placed if run.duration_seconds is None]
