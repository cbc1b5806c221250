"""The run summary: what the events of one run come to.

The order of this file is that of every projection: what is served, the state, ``initial``,
``evolve``, and how the state becomes what is served. ``evolve`` is total: it never raises on an
event that passed the codec. What breaks the lifecycle changes nothing it should not, and is listed
in ``anomalies``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

from ledger.events import (
    ErrorInfo,
    EventData,
    RecordedEvent,
    Result,
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
    WriterIdentity,
)
from ledger.lifecycle import Lifecycle, RunPhase, Violation, advance
from ledger.plain_values import utc_text

__all__ = [
    "FIRST_NINE",
    "Anomaly",
    "Attempt",
    "Liveness",
    "Note",
    "RunState",
    "RunSummary",
    "SkippedStage",
    "evolve",
    "fold",
    "initial",
    "summarize",
]

UtcText = Annotated[datetime, PlainSerializer(utc_text, return_type=str, when_used="json")]
Liveness = Literal["live", "late", "presumed dead"]
AttemptResult = Literal["success", "failed", "stopped"]
Changes = Mapping[str, Any]

FIRST_NINE = (
    "run_id",
    "started_at",
    "ended_at",
    "result",
    "failure_reason",
    "stages_executed",
    "stages_failed",
    "retry_count",
    "metadata",
)
"""The first nine fields of a summary, and all of a line of ``runs.jsonl``, in this order."""


class _Served(BaseModel):
    model_config = ConfigDict(frozen=True)


class Attempt(_Served):
    """One try of a stage; never overwritten. ``result`` is null while it is open."""

    stage: str
    attempt: int
    started_at: UtcText
    ended_at: UtcText | None = None
    duration_seconds: float | None = None
    result: AttemptResult | None = None
    will_retry: bool = False
    error: ErrorInfo | None = None
    metrics: dict[str, Any] = {}
    output_tail: str | None = None
    position: int


class SkippedStage(_Served):
    """A planned stage that was not tried, and why."""

    stage: str
    reason: str


class Note(_Served):
    """A remark that somebody added to the run."""

    note: str
    actor: str
    at: UtcText
    position: int


class Anomaly(_Served):
    """An event that history should not hold: the rule it breaks and where it lies."""

    rule: str
    position: int
    reason: str


class RunSummary(_Served):
    """What is known of one run. The first nine fields are ``FIRST_NINE``.

    A list item is this without ``attempts``, which therefore comes last.
    """

    run_id: str
    started_at: UtcText | None
    ended_at: UtcText | None
    result: Result | None
    failure_reason: str | None
    stages_executed: tuple[str, ...]
    stages_failed: tuple[str, ...]
    retry_count: int
    metadata: dict[str, Any]
    pipeline: str | None
    duration_seconds: float | None
    stages_planned: tuple[str, ...]
    stages_skipped: tuple[SkippedStage, ...]
    parameters: dict[str, Any]
    trigger: str | None
    rerun_of: str | None
    code_version: str | None
    imported_from: str | None
    writer: WriterIdentity | None
    notes: tuple[Note, ...]
    anomalies: tuple[Anomaly, ...]
    started_position: int
    last_position: int
    last_sequence: int
    last_event_at: UtcText | None
    liveness: Liveness | None
    attempts: tuple[Attempt, ...]

    def list_item(self) -> dict[str, Any]:
        """Give the JSON object of a list: the detail without its attempts."""
        return self.model_dump(mode="json", exclude={"attempts"})


@dataclass(frozen=True, slots=True)
class RunState:
    """What the fold keeps of one run."""

    run_id: str = ""
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    started: RunStarted | None = None
    imported: RunImported | None = None
    started_at: datetime | None = None
    started_position: int = 0
    ended_at: datetime | None = None
    result: Result | None = None
    failure_reason: str | None = None
    duration_seconds: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    skipped: tuple[SkippedStage, ...] = ()
    notes: tuple[Note, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    last_position: int = 0
    last_sequence: int = 0
    last_event_at: datetime | None = None


def initial(run_id: str) -> RunState:
    """Give the state of a run of which nothing is known yet."""
    return RunState(run_id)


def evolve(state: RunState, event: RecordedEvent) -> RunState:
    """Give the state after one more event of the run."""
    changes: Changes = {}
    anomalies = _gap(state, event)
    fields = event.data.__dict__ if isinstance(event.data, EventData) else {}
    following = advance(state.lifecycle, event.type, fields.get("stage"), fields.get("attempt"))
    if isinstance(following, Violation):
        anomalies += (_anomaly(following.rule, event, following.reason),)
    elif event.type in _STEPS and isinstance(event.data, EventData):
        if _is_resurrection(state.lifecycle, following):
            anomalies += (_anomaly("resurrected_run", event, "went on after it was given up"),)
            changes = {"ended_at": None, "result": None, "failure_reason": None}
        changes = {
            **changes,
            "lifecycle": following,
            **_STEPS[event.type](state, event, event.data),
        }
    # One replace for all of it: copying a state is what folding costs most.
    return replace(
        state,
        **changes,
        anomalies=state.anomalies + anomalies,
        last_position=event.position,
        last_sequence=event.sequence,
        last_event_at=event.occurred_at,
    )


def _gap(state: RunState, event: RecordedEvent) -> tuple[Anomaly, ...]:
    if event.sequence == state.last_sequence + 1:
        return ()
    reason = f"sequence {event.sequence} follows {state.last_sequence}"
    return (_anomaly("sequence_gap", event, reason),)


def _anomaly(rule: str, event: RecordedEvent, reason: str) -> Anomaly:
    return Anomaly(rule=rule, position=event.position, reason=reason)


def _is_resurrection(before: Lifecycle, after: Lifecycle) -> bool:
    return before.phase is RunPhase.ABANDONED and after.phase is not RunPhase.ABANDONED


def _run_started(_state: RunState, event: RecordedEvent, data: RunStarted) -> Changes:
    return {
        "started": data,
        "started_at": event.occurred_at,
        "started_position": event.position,
        "metadata": data.metadata,
    }


def _run_imported(_state: RunState, event: RecordedEvent, data: RunImported) -> Changes:
    summary = data.summary
    duration = None
    if summary.ended_at is not None and summary.ended_at >= summary.started_at:
        duration = (summary.ended_at - summary.started_at).total_seconds()
    return {
        "imported": data,
        "started_at": summary.started_at,
        "started_position": event.position,
        "ended_at": summary.ended_at,
        "result": summary.result,
        "failure_reason": summary.failure_reason,
        "duration_seconds": duration,
        "metadata": summary.metadata,
    }


def _stage_started(state: RunState, event: RecordedEvent, data: StageStarted) -> Changes:
    attempt = Attempt(
        stage=data.stage,
        attempt=data.attempt,
        started_at=event.occurred_at,
        position=event.position,
    )
    return {"attempts": (*state.attempts, attempt)}


def _close(
    state: RunState,
    event: RecordedEvent,
    data: StageCompleted | StageFailed | StageStopped,
    **end: object,
) -> Changes:
    """Fill in the end of the open attempt of a stage."""
    attempts = list(state.attempts)
    # The open attempt is among the last, however many a long run has behind it.
    place = next(at for at in reversed(range(len(attempts))) if attempts[at].stage == data.stage)
    closed: dict[str, Any] = {
        **attempts[place].__dict__,
        "ended_at": event.occurred_at,
        "duration_seconds": data.elapsed_seconds,
        **end,
    }
    attempts[place] = Attempt(**closed)
    return {"attempts": tuple(attempts)}


def _stage_completed(state: RunState, event: RecordedEvent, data: StageCompleted) -> Changes:
    metrics, tail = data.metrics, data.output_tail
    return _close(state, event, data, result="success", metrics=metrics, output_tail=tail)


def _stage_failed(state: RunState, event: RecordedEvent, data: StageFailed) -> Changes:
    return _close(
        state,
        event,
        data,
        result="failed",
        will_retry=data.will_retry,
        error=data.error,
        output_tail=data.output_tail,
    )


def _stage_stopped(state: RunState, event: RecordedEvent, data: StageStopped) -> Changes:
    return _close(state, event, data, result="stopped")


def _stage_skipped(state: RunState, _event: RecordedEvent, data: StageSkipped) -> Changes:
    skipped = SkippedStage(stage=data.stage, reason=data.reason)
    return {"skipped": (*state.skipped, skipped)}


def _run_ended(_state: RunState, event: RecordedEvent, data: RunEnded) -> Changes:
    return {
        "ended_at": event.occurred_at,
        "result": data.result,
        "failure_reason": data.failure_reason,
        "duration_seconds": data.elapsed_seconds,
    }


def _run_abandoned(_state: RunState, event: RecordedEvent, data: RunAbandoned) -> Changes:
    """Presume a failure; how long the run took is not known, so no duration is made up."""
    reason = (
        f"Presumed dead: process {data.pid} on {data.host} ended without recording an end"
        f" (last event {data.last_sequence}; found by {data.detected_by})"
    )
    return {"ended_at": event.occurred_at, "result": "failed", "failure_reason": reason}


def _run_annotated(state: RunState, event: RecordedEvent, data: RunAnnotated) -> Changes:
    notes = state.notes
    if data.note is not None:
        note = Note(note=data.note, actor=data.actor, at=event.occurred_at, position=event.position)
        notes = (*notes, note)
    return {"metadata": {**state.metadata, **data.metadata}, "notes": notes}


# Each step takes the payload model of its type, which the codec has paired with the type already,
# and gives the fields of the state that change.
_STEPS: Mapping[str, Callable[[RunState, RecordedEvent, Any], Changes]] = {
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


def fold(events: Iterable[RecordedEvent], state: RunState) -> RunState:
    """Take one run's events in, one by one."""
    for event in events:
        state = evolve(state, event)
    return state


def summarize(state: RunState, liveness: Liveness | None = None) -> RunSummary:
    """Turn the state into what is served."""
    started, imported = state.started, state.imported
    executed, failed, retries = _stages(state)
    return RunSummary(
        run_id=state.run_id,
        started_at=state.started_at,
        ended_at=state.ended_at,
        result=state.result,
        failure_reason=state.failure_reason,
        stages_executed=executed,
        stages_failed=failed,
        retry_count=retries,
        metadata=dict(state.metadata),
        pipeline=started.pipeline if started else None,
        duration_seconds=state.duration_seconds,
        stages_planned=started.stages if started else (),
        stages_skipped=state.skipped,
        parameters=started.parameters if started else {},
        trigger=started.trigger if started else None,
        rerun_of=started.rerun_of if started else None,
        code_version=started.code_version if started else None,
        imported_from=imported.source if imported else None,
        writer=started.writer if started else None,
        notes=state.notes,
        anomalies=state.anomalies,
        started_position=state.started_position,
        last_position=state.last_position,
        last_sequence=state.last_sequence,
        last_event_at=state.last_event_at,
        liveness=liveness,
        attempts=state.attempts,
    )


def _stages(state: RunState) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Give the stages that started, those whose last attempt failed, and the retries."""
    if state.imported is not None:
        summary = state.imported.summary
        return summary.stages_executed, summary.stages_failed, summary.retry_count
    last = {attempt.stage: attempt for attempt in state.attempts}
    failed = tuple(stage for stage, attempt in last.items() if attempt.result == "failed")
    return tuple(last), failed, len(state.attempts) - len(last)
