"""What history should not hold, but does: each broken rule is listed with its position.

The lifecycle names what may not follow. The rules here are about the rest: an event that repeats
one, a sequence that does not count on, a clock that does not go forward. All are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from ledger.lifecycle import RunPhase, Violation
from ledger.line.replayed import ReplayedEvent, is_unread
from ledger.plain_values import utc_text
from projections.runs.run_state import AnomalyState, RunState, SkippedState

__all__ = ["Anomalies", "anomaly", "broken_lifecycle", "irregularities"]

Anomalies = tuple[AnomalyState, ...]

_TOLERANCE = timedelta(seconds=1)


def anomaly(rule: str, event: ReplayedEvent, reason: str) -> AnomalyState:
    """Note that an event breaks a rule."""
    return AnomalyState(rule, event.position, reason)


def irregularities(state: RunState, event: ReplayedEvent) -> Anomalies:
    """Tell what is wrong with an event's place in its run, whatever it says."""
    found: Anomalies = ()
    if event.sequence != state.last_sequence + 1:
        reason = f"sequence {event.sequence} follows {state.last_sequence}"
        found = (anomaly("sequence_gap", event, reason),)
    before = state.last_event_at
    if before is not None and event.occurred_text < before:
        found += _set_back(before, event)
    if event.occurred_text > event.recorded_text and not _has(state, "clock_skew"):
        found += _ahead(event)
    return found


def _set_back(before: str, event: ReplayedEvent) -> Anomalies:
    """Tell whether the clock was set back; threads may append in another order than they look."""
    back = datetime.fromisoformat(before) - event.occurred_at
    if back <= _TOLERANCE:
        return ()
    reason = f"it occurred {back.total_seconds():.6f} s before the event before it"
    return (anomaly("clock_skew", event, reason),)


def _ahead(event: ReplayedEvent) -> Anomalies:
    """Tell whether the producer's clock runs ahead of the recording one; noted once a run."""
    ahead = event.occurred_at - event.recorded_at
    if ahead <= _TOLERANCE:
        return ()
    reason = f"it occurred {ahead.total_seconds():.6f} s after it was recorded"
    return (anomaly("clock_skew", event, reason),)


def _has(state: RunState, rule: str) -> bool:
    return any(known.rule == rule for known in state.anomalies)


def broken_lifecycle(state: RunState, event: ReplayedEvent, broken: Violation) -> AnomalyState:
    """Name the rule of the lifecycle that an event breaks, or tell that it only repeats one."""
    if _repeats(state, event):
        return anomaly("duplicate_body", event, f"{event.type} says again what is known")
    return anomaly(broken.rule, event, broken.reason)


def _repeats(state: RunState, event: ReplayedEvent) -> bool:
    """Tell an event that says, of the same moment, what an event before it said."""
    say = None if is_unread(event) else _SAYINGS.get(event.type)
    return say is not None and say(state, event)


def _says_start_again(state: RunState, event: ReplayedEvent) -> bool:
    return (state.started_at, state.pipeline) == (event.occurred_text, event.data.pipeline)


def _says_import_again(state: RunState, event: ReplayedEvent) -> bool:
    summary = event.data.summary
    said = (event.data.source, utc_text(summary.started_at), summary.result)
    return (state.imported_from, state.started_at, state.result) == said


def _says_end_again(state: RunState, event: ReplayedEvent) -> bool:
    return (state.ended_at, state.result) == (event.occurred_text, event.data.result)


def _gives_up_again(state: RunState, event: ReplayedEvent) -> bool:
    given_up = state.lifecycle.phase is RunPhase.ABANDONED
    return given_up and state.ended_at == event.occurred_text


def _skips_again(state: RunState, event: ReplayedEvent) -> bool:
    return SkippedState(event.data.stage, event.data.reason) in state.skipped


def _tries_again(state: RunState, event: ReplayedEvent) -> bool:
    said = (event.data.stage, event.data.attempt, event.occurred_text)
    return said in [
        (tried.stage, tried.attempt, tried.started_at) for tried in state.attempts.all()
    ]


def _closes_again(state: RunState, event: ReplayedEvent) -> bool:
    result = _CLOSED_AS[event.type]
    said = (event.data.stage, event.data.attempt, event.occurred_text, result)
    known = [(one.stage, one.attempt, one.ended_at, one.result) for one in state.attempts.all()]
    return said in known


_CLOSED_AS = {"stage_completed": "success", "stage_failed": "failed", "stage_stopped": "stopped"}

_SAYINGS: Mapping[str, Callable[[RunState, ReplayedEvent], bool]] = {
    "run_started": _says_start_again,
    "run_imported": _says_import_again,
    "run_ended": _says_end_again,
    "run_abandoned": _gives_up_again,
    "stage_started": _tries_again,
    "stage_completed": _closes_again,
    "stage_failed": _closes_again,
    "stage_stopped": _closes_again,
    "stage_skipped": _skips_again,
}
