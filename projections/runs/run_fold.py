"""The fold of the run summary: ``initial``, ``evolve``, and how the state becomes what is served.

The order of this file is that of every projection. ``evolve`` is total: it never raises on an
event that passed the codec. What breaks the lifecycle changes nothing it should not, and is listed
in ``anomalies``; an event that was folded already changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from ledger.events import (
    RunAbandoned,
    RunAnnotated,
    RunEnded,
    RunImported,
    RunStarted,
    StageCompleted,
    StageFailed,
    StageSkipped,
    StageStarted,
    StageStopped,
    UnreadData,
)
from ledger.lifecycle import Lifecycle, RunPhase, Violation, advance
from ledger.line.replayed import ReplayedEvent, is_unread
from ledger.plain_values import utc_text
from projections.runs.anomalies import (
    Anomalies,
    anomaly,
    broken_lifecycle,
    irregularities,
)
from projections.runs.kept_attempts import AttemptState
from projections.runs.run_state import ListItem, NoteState, RunState, SkippedState
from projections.runs.run_summary import Liveness, RunSummary

__all__ = ["evolve", "fold", "initial", "list_item", "list_values", "summarize"]


def initial(run_id: str) -> RunState:
    """Give the state of a run of which nothing is known yet."""
    return RunState(run_id)


def evolve(state: RunState, event: ReplayedEvent) -> RunState:
    """Give the state after one more event of the run."""
    data, kind = event.data, event.type
    step = _STEPS.get(kind)
    if (
        step is not None
        and event.sequence == state.last_sequence + 1
        and (state.last_event_at or "") <= event.occurred_text <= event.recorded_text
        and state.lifecycle.phase is not _ABANDONED
        and event.position > state.last_position
        and type(data) is not UnreadData
        and kind != "stage_skipped"
    ):
        # Almost every event takes this way, on which nothing can be wrong but its place in the run.
        if kind in _TRIES:
            lifecycle = advance(state.lifecycle, kind, data.stage, data.attempt)
        else:
            lifecycle = advance(state.lifecycle, kind)
        if type(lifecycle) is Lifecycle:
            return step(state, event, data, lifecycle)
    return _evolve_with_care(state, event, step)


def _evolve_with_care(state: RunState, event: ReplayedEvent, step: _Step | None) -> RunState:
    """Do the same for any event there may be."""
    if event.position <= state.last_position:
        return state
    found = irregularities(state, event)
    if step is None:
        following = _seen(state, event)
    else:
        following, more = _apply(state, event, step)
        found += more
    return replace(following, anomalies=following.anomalies + found) if found else following


def _seen(state: RunState, event: ReplayedEvent) -> RunState:
    """Note that there was an event, which changes nothing else."""
    return replace(
        state,
        first_position=state.first_position or event.position,
        last_position=event.position,
        last_sequence=event.sequence,
        last_event_at=event.occurred_text,
    )


def _apply(state: RunState, event: ReplayedEvent, step: _Step) -> tuple[RunState, Anomalies]:
    """Take in an event that the lifecycle knows, and say which rule it breaks, if any."""
    data = event.data
    stage, attempt = getattr(data, "stage", None), getattr(data, "attempt", None)
    lifecycle = advance(state.lifecycle, event.type, stage, attempt)
    if isinstance(lifecycle, Violation):
        return _seen(state, event), (broken_lifecycle(state, event, lifecycle),)
    if is_unread(event):
        return _seen(state, event), ()
    if state.lifecycle.phase is _ABANDONED is not lifecycle.phase:
        alive = replace(state, ended_at=None, result=None, failure_reason=None)
        resurrected = anomaly("resurrected_run", event, "went on after it was given up")
        return step(alive, event, data, lifecycle), (resurrected,)
    return step(state, event, data, lifecycle), ()


# Each step makes its state by one call: to copy a state is what folding costs most.


def _run_started(
    state: RunState, event: ReplayedEvent, data: RunStarted, lifecycle: Lifecycle
) -> RunState:
    return replace(
        state,
        lifecycle=lifecycle,
        pipeline=data.pipeline,
        stages_planned=data.stages,
        parameters=data.parameters,
        metadata=data.metadata,
        trigger=data.trigger,
        rerun_of=data.rerun_of,
        code_version=data.code_version,
        writer=data.writer,
        started_at=event.occurred_text,
        started_position=event.position,
        first_position=state.first_position or event.position,
        is_ahead=event.occurred_text > event.recorded_text,
        last_position=event.position,
        last_sequence=event.sequence,
        last_event_at=event.occurred_text,
    )


def _run_imported(
    state: RunState, event: ReplayedEvent, data: RunImported, lifecycle: Lifecycle
) -> RunState:
    summary = data.summary
    duration = None
    if summary.ended_at is not None and summary.ended_at >= summary.started_at:
        duration = (summary.ended_at - summary.started_at).total_seconds()
    started_at = utc_text(summary.started_at)
    return replace(
        state,
        lifecycle=lifecycle,
        imported_from=data.source,
        imported_stages=(summary.stages_executed, summary.stages_failed, summary.retry_count),
        started_at=started_at,
        started_position=event.position,
        first_position=state.first_position or event.position,
        is_ahead=started_at > event.recorded_text,
        ended_at=utc_text(summary.ended_at) if summary.ended_at else None,
        result=summary.result,
        failure_reason=summary.failure_reason,
        duration_seconds=duration,
        metadata=summary.metadata,
        last_position=event.position,
        last_sequence=event.sequence,
        last_event_at=event.occurred_text,
    )


def _stage_started(
    state: RunState, event: ReplayedEvent, data: StageStarted, lifecycle: Lifecycle
) -> RunState:
    at, position = event.occurred_text, event.position
    begun = AttemptState(data.stage, data.attempt, at, position=position)
    return replace(
        state,
        lifecycle=lifecycle,
        attempts=state.attempts.with_begun(begun),
        last_position=position,
        last_sequence=event.sequence,
        last_event_at=at,
    )


def _stage_completed(
    state: RunState, event: ReplayedEvent, data: StageCompleted, lifecycle: Lifecycle
) -> RunState:
    at, attempts = event.occurred_text, state.attempts
    tried = attempts.last_of(data.stage)
    closed = replace(
        tried,
        ended_at=at,
        result="success",
        duration_seconds=data.elapsed_seconds,
        metrics=data.metrics,
        output_tail=data.output_tail,
    )
    return replace(
        state,
        lifecycle=lifecycle,
        attempts=attempts.with_closed(closed),
        last_position=event.position,
        last_sequence=event.sequence,
        last_event_at=at,
    )


def _stage_failed(
    state: RunState, event: ReplayedEvent, data: StageFailed, lifecycle: Lifecycle
) -> RunState:
    at, attempts = event.occurred_text, state.attempts
    tried = attempts.last_of(data.stage)
    closed = replace(
        tried,
        ended_at=at,
        result="failed",
        duration_seconds=data.elapsed_seconds,
        will_retry=data.will_retry,
        error=data.error,
        output_tail=data.output_tail,
    )
    return replace(
        state,
        lifecycle=lifecycle,
        attempts=attempts.with_closed(closed),
        failures=(*state.failures, (tried.stage, tried.attempt, event.position)),
        last_position=event.position,
        last_sequence=event.sequence,
        last_event_at=at,
    )


def _stage_stopped(
    state: RunState, event: ReplayedEvent, data: StageStopped, lifecycle: Lifecycle
) -> RunState:
    at, attempts = event.occurred_text, state.attempts
    tried = attempts.last_of(data.stage)
    took = data.elapsed_seconds
    closed = replace(tried, ended_at=at, result="stopped", duration_seconds=took)
    return replace(_seen(state, event), lifecycle=lifecycle, attempts=attempts.with_closed(closed))


def _stage_skipped(
    state: RunState, event: ReplayedEvent, data: StageSkipped, lifecycle: Lifecycle
) -> RunState:
    skipped = (*state.skipped, SkippedState(data.stage, data.reason))
    return replace(_seen(state, event), lifecycle=lifecycle, skipped=skipped)


def _run_ended(
    state: RunState, event: ReplayedEvent, data: RunEnded, lifecycle: Lifecycle
) -> RunState:
    return replace(
        state,
        lifecycle=lifecycle,
        ended_at=event.occurred_text,
        result=data.result,
        failure_reason=data.failure_reason,
        duration_seconds=data.elapsed_seconds,
        end_position=event.position,
        last_position=event.position,
        last_sequence=event.sequence,
        last_event_at=event.occurred_text,
    )


def _run_abandoned(
    state: RunState, event: ReplayedEvent, data: RunAbandoned, lifecycle: Lifecycle
) -> RunState:
    """Presume a failure; how long the run took is not known, so no duration is made up."""
    reason = (
        f"Presumed dead: process {data.pid} on {data.host} ended without recording an end"
        f" (last event {data.last_sequence}; found by {data.detected_by})"
    )
    return replace(
        _seen(state, event),
        lifecycle=lifecycle,
        ended_at=event.occurred_text,
        result="failed",
        failure_reason=reason,
    )


def _run_annotated(
    state: RunState, event: ReplayedEvent, data: RunAnnotated, lifecycle: Lifecycle
) -> RunState:
    if event.event_id in state.annotations:
        repeated = anomaly("duplicate_body", event, "run_annotated was appended before")
        return replace(_seen(state, event), anomalies=(*state.anomalies, repeated))
    notes = state.notes
    if data.note is not None:
        notes = (*notes, NoteState(data.note, data.actor, event.occurred_text, event.position))
    return replace(
        _seen(state, event),
        lifecycle=lifecycle,
        metadata={**state.metadata, **data.metadata},
        notes=notes,
        annotations=(*state.annotations, event.event_id),
    )


_TRIES = frozenset({"stage_started", "stage_completed", "stage_failed", "stage_stopped"})
"""Types that name an attempt."""

_ABANDONED = RunPhase.ABANDONED

_Step = Callable[[RunState, ReplayedEvent, Any, Lifecycle], RunState]

# Each step takes the payload of its type, and where the run then stands.
_STEPS: Mapping[str, _Step] = {
    "run_started": _run_started,
    "run_imported": _run_imported,
    "stage_started": _stage_started,
    "stage_completed": _stage_completed,
    "stage_failed": _stage_failed,
    "stage_stopped": _stage_stopped,
    "stage_skipped": _stage_skipped,
    "run_ended": _run_ended,
    "run_abandoned": _run_abandoned,
    "run_annotated": _run_annotated,
}


def fold(events: Iterable[ReplayedEvent], state: RunState) -> RunState:
    """Take one run's events in, one by one."""
    for event in events:
        state = evolve(state, event)
    return state


def list_item(state: RunState) -> ListItem:
    """Give what a list shows of the run; how alive its writer is depends on when it is asked."""
    executed, failed, retries = _stages(state)
    return ListItem(
        state.run_id,
        state.started_at,
        state.ended_at,
        state.result,
        state.failure_reason,
        executed,
        failed,
        retries,
        state.metadata,
        state.pipeline,
        state.duration_seconds,
        state.stages_planned,
        state.skipped,
        state.parameters,
        state.trigger,
        state.rerun_of,
        state.code_version,
        state.imported_from,
        state.writer,
        state.notes,
        state.anomalies,
        state.started_position,
        state.last_position,
        state.last_sequence,
        state.last_event_at,
        None,
    )


def list_values(state: RunState) -> dict[str, Any]:
    """Give the fields of the summary in their order, but for the attempts, which come last."""
    return asdict(list_item(state))


def _stages(state: RunState) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Give the stages that started, those whose last attempt failed, and the retries."""
    if state.imported_stages is not None:
        return state.imported_stages
    attempts = state.attempts.all()
    last = {attempt.stage: attempt.result for attempt in attempts}
    # Most runs have no failure to be looked for.
    failed = [stage for stage in last if last[stage] == "failed"] if state.failures else ()
    return tuple(last), tuple(failed), len(attempts) - len(last)


def summarize(state: RunState, liveness: Liveness | None = None) -> RunSummary:
    """Turn the state into what is served."""
    values = {**list_values(state), "liveness": liveness, "attempts": state.attempts.all()}
    return RunSummary.model_validate_json(msgspec.json.encode(values))
