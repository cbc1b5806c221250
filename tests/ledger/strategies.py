"""What hypothesis draws from: events that may enter a log, and runs that the lifecycle allows.

``valid_events`` gives single events of every type; ``valid_runs`` gives whole histories, several
runs interleaved. The histories come from a small story-teller of its own and not from the tables in
``ledger/lifecycle.py``, so that they can test those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from ledger.events import (
    ErrorInfo,
    EventData,
    FailureAcknowledged,
    ImportedRun,
    LedgerCreated,
    LedgerRecovered,
    LedgerRepaired,
    NewEvent,
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
from tests.ledger.examples import event_id

__all__ = [
    "event_data",
    "event_ids",
    "identifiers",
    "json_objects",
    "json_values",
    "moments",
    "runless_data",
    "stage_names",
    "texts",
    "valid_events",
    "valid_runs",
]

_LETTERS = "abcXYZ019"
_BIG = 2**63 - 1

identifiers = st.builds(
    str.__add__, st.sampled_from(_LETTERS), st.text(alphabet=_LETTERS + "._:-", max_size=20)
)
stage_names = st.lists(identifiers, min_size=1, max_size=3).map("/".join)
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
event_ids = st.uuids().map(str)
moments = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]),
)
_counts = st.integers(0, _BIG)
_seconds = st.floats(0, 1e9)
_attempts = st.integers(1, 1_000_000)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), _BIG)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(texts, json_values, max_size=3)

_maybe_text = st.none() | texts
_writers = st.builds(
    WriterIdentity, host=texts, machine_id=texts, boot_id=texts, pid=st.integers(1, 2**22)
)
_errors = st.builds(ErrorInfo, type=texts, message=texts, traceback=_maybe_text)
_results = st.sampled_from(["success", "failed", "stopped"])


def _attempt_fields(stage: str | None, attempt: int | None) -> dict[str, Any]:
    return {
        "stage": stage_names if stage is None else st.just(stage),
        "attempt": _attempts if attempt is None else st.just(attempt),
    }


def _run_started() -> st.SearchStrategy[EventData]:
    return st.builds(
        RunStarted,
        pipeline=identifiers,
        stages=st.lists(stage_names, max_size=3).map(tuple),
        parameters=json_objects,
        metadata=json_objects,
        trigger=_maybe_text,
        rerun_of=st.none() | identifiers,
        writer=_writers,
        code_version=_maybe_text,
    )


def _stage_completed(
    stage: str | None = None, attempt: int | None = None
) -> st.SearchStrategy[EventData]:
    return st.builds(
        StageCompleted,
        **_attempt_fields(stage, attempt),
        metrics=json_objects,
        output_tail=_maybe_text,
        elapsed_seconds=_seconds,
    )


def _stage_failed(
    stage: str | None = None, attempt: int | None = None
) -> st.SearchStrategy[EventData]:
    return st.builds(
        StageFailed,
        **_attempt_fields(stage, attempt),
        error=_errors,
        will_retry=st.booleans(),
        output_tail=_maybe_text,
        elapsed_seconds=_seconds,
    )


def _stage_stopped(
    stage: str | None = None, attempt: int | None = None
) -> st.SearchStrategy[EventData]:
    return st.builds(StageStopped, **_attempt_fields(stage, attempt), elapsed_seconds=_seconds)


def _run_ended() -> st.SearchStrategy[EventData]:
    return st.builds(
        RunEnded, result=_results, failure_reason=_maybe_text, elapsed_seconds=_seconds
    )


def _run_abandoned() -> st.SearchStrategy[EventData]:
    return st.builds(
        RunAbandoned,
        detected_by=texts,
        host=texts,
        pid=st.integers(1, 2**22),
        last_sequence=_counts,
    )


def _run_annotated() -> st.SearchStrategy[EventData]:
    return st.builds(RunAnnotated, metadata=json_objects, note=_maybe_text, actor=texts)


def _run_imported() -> st.SearchStrategy[EventData]:
    summary = st.builds(
        ImportedRun,
        run_id=identifiers,
        started_at=moments,
        ended_at=st.none() | moments,
        result=st.none() | _results,
        failure_reason=_maybe_text,
        stages_executed=st.lists(texts, max_size=3).map(tuple),
        stages_failed=st.lists(texts, max_size=3).map(tuple),
        retry_count=_counts,
        metadata=json_objects,
    )
    return st.builds(RunImported, summary=summary, source=texts)


runless_data: st.SearchStrategy[EventData] = st.one_of(
    st.builds(LedgerCreated, ledger_id=identifiers, format=st.integers(1, 9)),
    st.builds(FailureAcknowledged, fingerprint=texts, note=texts, actor=texts),
    st.builds(
        LedgerRecovered,
        segment=texts,
        offset=_counts,
        cut_bytes=_counts,
        sha256=texts,
        quarantine=texts,
        reason=texts,
    ),
    st.builds(
        LedgerRepaired,
        skipped=st.lists(json_objects, max_size=2).map(tuple),
        actor=texts,
        reason=texts,
    ),
)

_run_data: st.SearchStrategy[EventData] = st.one_of(
    _run_started(),
    st.builds(StageStarted, **_attempt_fields(None, None)),
    _stage_completed(),
    _stage_failed(),
    _stage_stopped(),
    st.builds(StageSkipped, stage=stage_names, reason=texts),
    _run_ended(),
    _run_abandoned(),
    _run_annotated(),
    _run_imported(),
)

event_data: st.SearchStrategy[EventData] = runless_data | _run_data


@st.composite
def valid_events(draw: st.DrawFn) -> NewEvent:
    """Draw one event of any type, with its run where it belongs to one."""
    if draw(st.booleans()):
        data, run_id = draw(_run_data), draw(identifiers)
        return NewEvent(data, run_id, draw(event_ids), draw(moments))
    return NewEvent(draw(runless_data), None, draw(event_ids), draw(moments))


@dataclass
class _Story:
    """One run while it is being told: which attempts are open, and how many there were."""

    draw: st.DrawFn
    stages: Sequence[str]
    told: list[EventData] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    abandoned: bool = False

    def step(self) -> None:
        """Tell one more thing that may happen now."""
        stage = self.draw(st.sampled_from(self.stages))
        kinds = ["annotated"] if self.abandoned else ["annotated", "abandoned"]
        kinds += ["close"] * 4 if stage in self.open else ["open"] * 4
        if stage not in self.attempts:
            kinds.append("skipped")
        kind = self.draw(st.sampled_from(kinds))
        if kind == "annotated":
            self.told.append(self.draw(_run_annotated()))
            return
        self.abandoned = kind == "abandoned"
        if self.abandoned:
            self.told.append(self.draw(_run_abandoned()))
        elif kind == "skipped":
            self.attempts[stage] = 0
            self.told.append(StageSkipped(stage=stage, reason=self.draw(texts)))
        elif kind == "open":
            self._open(stage)
        else:
            self._close(stage)

    def _open(self, stage: str) -> None:
        self.attempts[stage] = self.attempts.get(stage, 0) + 1
        self.open.add(stage)
        self.told.append(StageStarted(stage=stage, attempt=self.attempts[stage]))

    def _close(self, stage: str) -> None:
        self.open.discard(stage)
        close = self.draw(st.sampled_from([_stage_completed, _stage_failed, _stage_stopped]))
        self.told.append(self.draw(close(stage, self.attempts[stage])))


@st.composite
def _stories(draw: st.DrawFn) -> list[EventData]:
    if draw(st.integers(0, 9)) == 9:
        imported = draw(_run_imported())
        return [imported, *draw(st.lists(_run_annotated(), max_size=2))]
    names = draw(st.lists(stage_names, min_size=1, max_size=3, unique=True))
    story = _Story(draw, names, [draw(_run_started())])
    for _ in range(draw(st.integers(0, 8))):
        story.step()
    if draw(st.booleans()):
        story.told.append(draw(_run_ended()))
        story.told += draw(st.lists(_run_annotated(), max_size=2))
    return story.told


@st.composite
def valid_runs(draw: st.DrawFn, max_runs: int = 3) -> list[NewEvent]:
    """Draw the legal history of one or several runs, interleaved, with remarks of no run between.

    Runs may be unfinished, abandoned, come back, be imported or be annotated after their end.
    """
    run_ids = draw(st.lists(identifiers, min_size=1, max_size=max_runs, unique=True))
    waiting = {run_id: draw(_stories()) for run_id in run_ids}
    events: list[NewEvent] = []
    moment = draw(moments)
    while waiting:
        moment += timedelta(milliseconds=draw(st.integers(0, 5000)))
        run_id = draw(st.sampled_from(sorted(waiting)))
        data = waiting[run_id].pop(0)
        if not waiting[run_id]:
            del waiting[run_id]
        events.append(NewEvent(data, run_id, event_id(len(events)), moment))
        if draw(st.integers(0, 9)) == 9:
            remark = FailureAcknowledged(fingerprint="f00d", note=draw(texts), actor="anna")
            events.append(NewEvent(remark, None, event_id(len(events)), moment))
    return events
