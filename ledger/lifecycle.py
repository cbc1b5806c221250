"""The lifecycle of a run and of its attempts, as tables. Nothing else knows what is legal.

Two rules. Everything that decides whether an event may follow lives in this file. The tables are
data: tests, docs and diagrams read them.

A writer asks ``advance`` before it appends, and refuses what breaks a table. A fold asks the same
question of history, and lists what breaks a table as an anomaly: history is never unreadable.

Theory of operation. A run is ABSENT until it starts, RUNNING until it ends, and ENDED for good: the
first terminal result stands. ABANDONED is only a presumption (its writer was gone), so any real
later event takes the run out of it again. Attempts are numbered from 1 for each stage; an attempt
opens, then closes once. The next attempt opens only when the last one is closed, so stages that
run at the same time have names of their own, like ``load/orders`` and ``load/customers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

import msgspec
from msgspec.structs import replace

__all__ = [
    "ATTEMPT_TRANSITIONS",
    "NOT_BEGUN",
    "RUN_TRANSITIONS",
    "AttemptPhase",
    "Lifecycle",
    "RunPhase",
    "Violation",
    "advance",
]


class RunPhase(StrEnum):
    """Where a run stands."""

    ABSENT = "absent"
    RUNNING = "running"
    ABANDONED = "abandoned"
    ENDED = "ended"


class AttemptPhase(StrEnum):
    """Where the last attempt of a stage stands."""

    ABSENT = "absent"
    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    SKIPPED = "skipped"


_ABSENT, _RUNNING = RunPhase.ABSENT, RunPhase.RUNNING
_ABANDONED, _ENDED = RunPhase.ABANDONED, RunPhase.ENDED

RUN_TRANSITIONS: Mapping[tuple[RunPhase, str], RunPhase] = {
    (_ABSENT, "run_started"): _RUNNING,
    (_ABSENT, "run_imported"): _ENDED,
    (_RUNNING, "stage_started"): _RUNNING,
    (_RUNNING, "stage_completed"): _RUNNING,
    (_RUNNING, "stage_failed"): _RUNNING,
    (_RUNNING, "stage_stopped"): _RUNNING,
    (_RUNNING, "stage_skipped"): _RUNNING,
    (_RUNNING, "run_ended"): _ENDED,
    (_RUNNING, "run_abandoned"): _ABANDONED,
    (_RUNNING, "run_annotated"): _RUNNING,
    (_ABANDONED, "stage_started"): _RUNNING,
    (_ABANDONED, "stage_completed"): _RUNNING,
    (_ABANDONED, "stage_failed"): _RUNNING,
    (_ABANDONED, "stage_stopped"): _RUNNING,
    (_ABANDONED, "stage_skipped"): _RUNNING,
    (_ABANDONED, "run_ended"): _ENDED,
    (_ABANDONED, "run_annotated"): _ABANDONED,
    (_ENDED, "run_annotated"): _ENDED,
}

ATTEMPT_TRANSITIONS: Mapping[tuple[AttemptPhase, str], AttemptPhase] = {
    (AttemptPhase.ABSENT, "stage_started"): AttemptPhase.OPEN,
    (AttemptPhase.ABSENT, "stage_skipped"): AttemptPhase.SKIPPED,
    (AttemptPhase.OPEN, "stage_completed"): AttemptPhase.COMPLETED,
    (AttemptPhase.OPEN, "stage_failed"): AttemptPhase.FAILED,
    (AttemptPhase.OPEN, "stage_stopped"): AttemptPhase.STOPPED,
    (AttemptPhase.COMPLETED, "stage_started"): AttemptPhase.OPEN,
    (AttemptPhase.FAILED, "stage_started"): AttemptPhase.OPEN,
    (AttemptPhase.STOPPED, "stage_started"): AttemptPhase.OPEN,
    (AttemptPhase.SKIPPED, "stage_started"): AttemptPhase.OPEN,
}

_RUN_EVENTS = frozenset(event_type for _, event_type in RUN_TRANSITIONS)
_ATTEMPT_EVENTS = frozenset(event_type for _, event_type in ATTEMPT_TRANSITIONS)


class Violation(msgspec.Struct, frozen=True):
    """Why an event may not follow: ``rule`` is a short name, ``reason`` a sentence."""

    rule: str
    reason: str


# So that a run of many stages is not copied whole with each of its events.
_FEW = 64


class Lifecycle(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Where one run stands: its phase, and for each stage its last attempt and that one's phase.

    A stage that is in ``attempts`` stands as it says there, whatever ``earlier`` says of it.
    """

    phase: RunPhase = RunPhase.ABSENT
    attempts: dict[str, tuple[int, AttemptPhase]] = {}
    earlier: dict[str, tuple[int, AttemptPhase]] = {}

    def last_attempt(self, stage: str) -> tuple[int, AttemptPhase]:
        """Give the number of a stage's last attempt, 0 where it has none, and where that stands."""
        found = self.attempts.get(stage) or self.earlier.get(stage)
        return found or (0, AttemptPhase.ABSENT)

    def moved(self, phase: RunPhase, stage: str, attempt: tuple[int, AttemptPhase]) -> Lifecycle:
        """Give where the run stands when a stage has moved."""
        attempts = {**self.attempts, stage: attempt}
        if len(attempts) > _FEW:
            return Lifecycle(phase, {}, {**self.earlier, **attempts})
        return Lifecycle(phase, attempts, self.earlier)


NOT_BEGUN = Lifecycle()
"""Where every run begins."""


# Runs of one pipeline take the same way, so each step of it is worked out once. A lifecycle is
# told from others by being itself, which is why all begin with the same one.
@lru_cache(maxsize=4096)
def advance(
    state: Lifecycle, event_type: str, stage: str | None = None, attempt: int | None = None
) -> Lifecycle | Violation:
    """Tell where the run stands after an event, or which rule the event breaks.

    Types that the tables do not know change nothing. ``stage`` and ``attempt`` are those of the
    event's payload, where it has them.
    """
    if event_type not in _RUN_EVENTS:
        return state
    phase = RUN_TRANSITIONS.get((state.phase, event_type))
    if phase is None:
        return _run_violation(state.phase, event_type)
    if event_type not in _ATTEMPT_EVENTS or stage is None:
        return state if phase is state.phase else replace(state, phase=phase)
    last, attempt_phase = state.last_attempt(stage)
    following = ATTEMPT_TRANSITIONS.get((attempt_phase, event_type))
    number = last + 1 if event_type == "stage_started" else last
    if following is None or (attempt is not None and attempt != number):
        return _attempt_violation(stage, attempt, event_type, last, attempt_phase)
    return state.moved(phase, stage, (number, following))


def _run_violation(phase: RunPhase, event_type: str) -> Violation:
    if phase is RunPhase.ABSENT:
        return Violation("no_start", f"{event_type} before the run started")
    if event_type in ("run_started", "run_imported"):
        return Violation("second_start", f"{event_type} of a run that already started")
    if phase is RunPhase.ENDED and event_type == "run_ended":
        return Violation("second_end", "the run has already ended; the first result stands")
    if phase is RunPhase.ABANDONED:
        return Violation("second_abandonment", "the run is presumed abandoned already")
    return Violation("event_after_end", f"{event_type} after the run had ended")


def _attempt_violation(
    stage: str, attempt: int | None, event_type: str, last: int, phase: AttemptPhase
) -> Violation:
    stands = f"its last attempt is {last} ({phase})" if last else "it has no attempt"
    named = f"attempt {attempt} of stage {stage}" if attempt else f"stage {stage}"
    return Violation("unknown_attempt", f"{event_type} of {named}: {stands}")
