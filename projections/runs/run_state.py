"""What the fold keeps of one run: values that are never changed, only replaced.

Times are the 27 characters of the log, which compare as the times do and are served as they are.
What is served as it is kept has the fields of its model in ``run_summary.py``, in their order.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.events import Result
from ledger.lifecycle import NOT_BEGUN, Lifecycle
from projections.runs.kept_attempts import Attempts

__all__ = ["AnomalyState", "ListItem", "NoteState", "RunState", "SkippedState"]


class SkippedState(msgspec.Struct, frozen=True, gc=False):
    """A stage that was not tried, as ``SkippedStage`` serves it."""

    stage: str
    reason: str


class NoteState(msgspec.Struct, frozen=True, gc=False):
    """A remark, as ``Note`` serves it."""

    note: str
    actor: str
    at: str
    position: int


class AnomalyState(msgspec.Struct, frozen=True, gc=False):
    """A broken rule, as ``Anomaly`` serves it."""

    rule: str
    position: int
    reason: str


class RunState(msgspec.Struct, frozen=True, gc=False):
    """One run after some of its events.

    Attributes:
        imported_stages: of an imported run, which has no attempts: the stages that were executed,
            those that failed, and how often one was tried again.
        first_position: that of the first event there is of the run.
        is_ahead: whether the run says that it started after its start was recorded.
        failures: the attempts that failed, by stage and number, and the positions of the events
            that say so.
        end_position: that of the event that ended the run; 0 where none has.
        annotations: the ids of the events that annotated the run, to know one that comes twice.
    """

    run_id: str = ""
    lifecycle: Lifecycle = NOT_BEGUN
    pipeline: str | None = None
    stages_planned: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    trigger: str | None = None
    rerun_of: str | None = None
    code_version: str | None = None
    writer: Any = None
    imported_from: str | None = None
    imported_stages: tuple[tuple[str, ...], tuple[str, ...], int] | None = None
    started_at: str | None = None
    started_position: int = 0
    ended_at: str | None = None
    result: Result | None = None
    failure_reason: str | None = None
    duration_seconds: float | None = None
    metadata: dict[str, Any] = {}
    attempts: Attempts = Attempts()
    failures: tuple[tuple[str, int, int], ...] = ()
    end_position: int = 0
    skipped: tuple[SkippedState, ...] = ()
    notes: tuple[NoteState, ...] = ()
    annotations: tuple[str, ...] = ()
    anomalies: tuple[AnomalyState, ...] = ()
    first_position: int = 0
    is_ahead: bool = False
    last_position: int = 0
    last_sequence: int = 0
    last_event_at: str | None = None


class ListItem(msgspec.Struct, frozen=True, gc=False):
    """What a list shows of a run: the fields of ``RunSummary`` in their order, but the attempts."""

    run_id: str
    started_at: str | None
    ended_at: str | None
    result: Result | None
    failure_reason: str | None
    stages_executed: tuple[str, ...]
    stages_failed: tuple[str, ...]
    retry_count: int
    metadata: dict[str, Any]
    pipeline: str | None
    duration_seconds: float | None
    stages_planned: tuple[str, ...]
    stages_skipped: tuple[SkippedState, ...]
    parameters: dict[str, Any]
    trigger: str | None
    rerun_of: str | None
    code_version: str | None
    imported_from: str | None
    writer: Any
    notes: tuple[NoteState, ...]
    anomalies: tuple[AnomalyState, ...]
    started_position: int
    last_position: int
    last_sequence: int
    last_event_at: str | None
    liveness: None
