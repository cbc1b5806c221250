"""What history should not hold, but does: each broken rule is listed with its position.

The lifecycle names what may not follow. The rules here are about the rest: an event that repeats
one, a sequence that does not count on, a clock that does not go forward. All are pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ledger.lifecycle import Violation
from ledger.replayed import ReplayedEvent, is_unread
from projections.run_state import AnomalyState, RunState

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
    data, at = event.data, event.occurred_text
    if is_unread(event):
        return False
    known: Mapping[str, tuple[object, object]] = {
        "run_started": ((state.started_at, state.pipeline), (at, getattr(data, "pipeline", None))),
        "run_imported": ((state.imported_from,), (getattr(data, "source", None),)),
        "run_ended": ((state.ended_at, state.result), (at, getattr(data, "result", None))),
        "run_abandoned": ((state.ended_at,), (at,)),
    }
    if event.type in known:
        before, now = known[event.type]
        return before == now
    if event.type == "stage_skipped":
        return any(data.stage == skipped.stage for skipped in state.skipped)
    return any(
        (data.stage, data.attempt) == (tried.stage, tried.attempt)
        and at == (tried.started_at if event.type == "stage_started" else tried.ended_at)
        for tried in state.attempts
    )
