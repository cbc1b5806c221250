"""What matters of an event, on one line: its payload as a person would say it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from automation.commands.printing.run_words import duration
from automation.commands.printing.value_words import pairs_text
from ledger.events import (
    FailureAcknowledged,
    LedgerCreated,
    LedgerRecovered,
    LedgerRepaired,
    RecordedEvent,
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

__all__ = ["event_words"]

_LONGEST = 300


def event_words(event: RecordedEvent) -> str:
    """Say what an event tells, in one line of bounded length; not yet safe for a terminal."""
    data = event.data
    if isinstance(data, UnreadData):
        text = f"{json.dumps(data.value, ensure_ascii=False)} ({data.reason})"
    else:
        text = "; ".join(_WORDS[event.type](data))
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _ledger_created(data: LedgerCreated) -> Iterator[str]:
    yield f"{data.ledger_id}, format {data.format}"


def _run_started(data: RunStarted) -> Iterator[str]:
    planned = f": {', '.join(data.stages)}" if data.stages else ""
    yield f"{data.pipeline}{planned}"
    yield from _pairs(data.parameters)
    yield from _pairs(data.metadata)
    if data.rerun_of is not None:
        yield f"rerun of {data.rerun_of}"


def _stage_started(data: StageStarted) -> Iterator[str]:
    yield _attempt(data)


def _stage_completed(data: StageCompleted) -> Iterator[str]:
    yield f"{_attempt(data)}, {duration(data.elapsed_seconds)}"
    yield from _pairs(data.metrics)


def _stage_failed(data: StageFailed) -> Iterator[str]:
    yield f"{_attempt(data)}, {duration(data.elapsed_seconds)}"
    # Said before the error, whose text may be long.
    if data.will_retry:
        yield "will be tried again"
    yield f"{data.error.type}: {data.error.message}" if data.error.message else data.error.type


def _stage_stopped(data: StageStopped) -> Iterator[str]:
    yield f"{_attempt(data)}, {duration(data.elapsed_seconds)}"


def _stage_skipped(data: StageSkipped) -> Iterator[str]:
    yield data.stage
    yield data.reason


def _run_ended(data: RunEnded) -> Iterator[str]:
    yield f"{data.result}, {duration(data.elapsed_seconds)}"
    if data.failure_reason:
        yield data.failure_reason


def _run_abandoned(data: RunAbandoned) -> Iterator[str]:
    yield f"process {data.pid} on {data.host} is gone, found by {data.detected_by}"


def _run_annotated(data: RunAnnotated) -> Iterator[str]:
    yield f"{data.actor}: {data.note}" if data.note is not None else data.actor
    yield from _pairs(data.metadata)


def _run_imported(data: RunImported) -> Iterator[str]:
    yield f"{data.summary.result or 'no result'}, from {data.source}"
    if data.summary.failure_reason:
        yield data.summary.failure_reason


def _failure_acknowledged(data: FailureAcknowledged) -> Iterator[str]:
    yield data.fingerprint
    yield f"{data.actor}: {data.note}"


def _ledger_recovered(data: LedgerRecovered) -> Iterator[str]:
    yield f"{data.cut_bytes} bytes cut from {data.segment}, byte {data.offset}"
    yield data.reason


def _ledger_repaired(data: LedgerRepaired) -> Iterator[str]:
    yield f"{len(data.skipped)} places skipped"
    yield f"{data.actor}: {data.reason}"


def _attempt(data: StageStarted | StageCompleted | StageFailed | StageStopped) -> str:
    return f"{data.stage}, attempt {data.attempt}"


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    if values:
        yield pairs_text(values)


# Each takes the payload model of its type, which the codec has paired with the type already.
_WORDS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    LedgerCreated.type: _ledger_created,
    RunStarted.type: _run_started,
    StageStarted.type: _stage_started,
    StageCompleted.type: _stage_completed,
    StageFailed.type: _stage_failed,
    StageStopped.type: _stage_stopped,
    StageSkipped.type: _stage_skipped,
    RunEnded.type: _run_ended,
    RunAbandoned.type: _run_abandoned,
    RunAnnotated.type: _run_annotated,
    RunImported.type: _run_imported,
    FailureAcknowledged.type: _failure_acknowledged,
    LedgerRecovered.type: _ledger_recovered,
    LedgerRepaired.type: _ledger_repaired,
}
