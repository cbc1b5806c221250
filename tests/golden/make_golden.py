"""Make ``every_event_type.jsonl``: every event type, in runs that end in every way.

The file is made once for each schema version and then kept for ever; a test shows that the codec
still makes these bytes from these values. ``python -m tests.golden.make_golden`` writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

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
from ledger.line.codec import ZERO_HASH, encode_body, encode_line, leaf_hash
from ledger.plain_values import utc_text

__all__ = ["CREATED_AT", "LEDGER_ID", "events", "golden_lines"]

LEDGER_ID = "6b0e7a34-5d0c-4f63-9a51-0d3a52f0c001"
CREATED_AT = "2026-01-15T02:00:00.000000Z"

_BEGIN = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
_WRITER = WriterIdentity(
    host="worker-1",
    machine_id="3f0c1b6a9d2e4c5f8a7b6c5d4e3f2a1b",
    boot_id="0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
    pid=4711,
)
_TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "pipeline.py", line 12, in translate\n'
    '    raise ValueError("no price in line 7")\n'
    "ValueError: no price in line 7\n"
)

_SUCCESS, _FAILED, _STOPPED = "nightly-success", "nightly-failed", "nightly-stopped"
_ABANDONED, _RESURRECTED = "nightly-abandoned", "nightly-resurrected"
_IMPORTED, _RUNNING = "nightly-imported", "nightly-running"


def _started(**more: Any) -> RunStarted:
    stages = ("translator", "analyzer", "merger")
    return RunStarted(pipeline="nightly", stages=stages, writer=_WRITER, **more)


def _error() -> ErrorInfo:
    return ErrorInfo(type="ValueError", message="no price in line 7", traceback=_TRACEBACK)


def _failed(attempt: int, *, will_retry: bool) -> StageFailed:
    return StageFailed(
        stage="translator",
        attempt=attempt,
        error=_error(),
        will_retry=will_retry,
        output_tail="reading stocks.csv\n",
        elapsed_seconds=0.25,
    )


def _completed(stage: str, attempt: int = 1, **metrics: Any) -> StageCompleted:
    return StageCompleted(
        stage=stage,
        attempt=attempt,
        metrics=metrics,
        output_tail=f"{stage} is done\n",
        elapsed_seconds=1.5,
    )


Told = Iterator[list[tuple[str | None, EventData]]]
"""What happens, batch by batch: (run, payload)."""


def _told() -> Told:
    yield from _two_runs_interleaved()
    yield from _stopped_and_abandoned()
    yield from _said_afterwards()


def _two_runs_interleaved() -> Told:
    yield [(None, LedgerCreated(ledger_id=LEDGER_ID, format=1))]
    success = _started(
        parameters={"day": "2026-01-15", "symbols": ["AAPL", "MSFT"], "limit": 9007199254740993},
        metadata={"team": "data", "größe": 1.5, "nested": {"null": None, "yes": True}},
        trigger="cron",
        rerun_of="nightly-2026-01-14",
        code_version="1f2e3d4c5b6a79880a1b2c3d4e5f60718293a4b5",
    )
    yield [(_SUCCESS, success)]
    yield [(_SUCCESS, StageStarted(stage="translator", attempt=1))]
    yield [(_FAILED, _started(metadata={"team": "data"}))]
    yield [(_SUCCESS, _failed(1, will_retry=True))]
    yield [
        (_SUCCESS, StageStarted(stage="translator", attempt=2)),
        (_SUCCESS, _completed("translator", 2, rows_read=560, rows_written=559, loss="NaN")),
        (_SUCCESS, StageStarted(stage="analyzer/orders", attempt=1)),
    ]
    yield [(_FAILED, StageStarted(stage="translator", attempt=1))]
    yield [(_FAILED, _failed(1, will_retry=True))]
    note = RunAnnotated(metadata={"cost": 12}, note="slow disk today", actor="pipeline")
    yield [(_SUCCESS, note)]
    yield [(_SUCCESS, _completed("analyzer/orders"))]
    yield [(_FAILED, StageStarted(stage="translator", attempt=2))]
    yield [(_FAILED, _failed(2, will_retry=False))]
    reason = "Stage translator failed after 1 retry: ValueError: no price in line 7"
    yield [(_FAILED, RunEnded(result="failed", failure_reason=reason, elapsed_seconds=3.5))]
    yield [(_SUCCESS, StageSkipped(stage="merger", reason="nothing new to merge"))]
    yield [(_SUCCESS, RunEnded(result="success", elapsed_seconds=4.25))]
    recovered = LedgerRecovered(
        segment="00000000000000000001.jsonl",
        offset=9001,
        cut_bytes=17,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        quarantine="00000000000000000001-9001-9f86d081884c7d65.bin",
        reason="17 bytes without a newline",
    )
    yield [(None, recovered)]


def _stopped_and_abandoned() -> Told:
    yield [
        (_STOPPED, _started()),
        (_STOPPED, StageStarted(stage="translator", attempt=1)),
    ]
    stopped = StageStopped(stage="translator", attempt=1, elapsed_seconds=0.125)
    yield [(_STOPPED, stopped), (_STOPPED, RunEnded(result="stopped", elapsed_seconds=0.5))]
    yield [(_ABANDONED, _started())]
    yield [(_RESURRECTED, _started())]
    yield [(_ABANDONED, StageStarted(stage="translator", attempt=1))]
    yield [(_RESURRECTED, StageStarted(stage="translator", attempt=1))]
    for run_id in (_ABANDONED, _RESURRECTED):
        gone = RunAbandoned(detected_by="worker-2", host="worker-1", pid=4711, last_sequence=2)
        yield [(run_id, gone)]
    yield [(_RESURRECTED, _completed("translator", 1, rows_read=560))]
    yield [(_RESURRECTED, RunEnded(result="success", elapsed_seconds=7200.75))]


def _said_afterwards() -> Told:
    summary = ImportedRun(
        run_id=_IMPORTED,
        started_at=_BEGIN - timedelta(days=15),
        ended_at=_BEGIN - timedelta(days=15, seconds=-90),
        result="failed",
        failure_reason="Stage merger failed",
        stages_executed=("translator", "analyzer", "merger"),
        stages_failed=("merger",),
        retry_count=2,
        metadata={"from": "the old system"},
    )
    yield [(_IMPORTED, RunImported(summary=summary, source="runs.jsonl, line 7"))]
    yield [(_IMPORTED, RunAnnotated(metadata={"ticket": "OPS-17"}, actor="anna"))]
    fingerprint = "translator:ValueError:no price in line #"
    known = FailureAcknowledged(fingerprint=fingerprint, note="the feed lacks a line", actor="anna")
    yield [(None, known)]
    skipped = {"segment": "00000000000000000001.jsonl", "offset": 1200, "bytes": 388}
    repaired = LedgerRepaired(
        skipped=({**skipped, "positions": [4, 4]},), actor="anna", reason="a flipped bit in line 4"
    )
    yield [(None, repaired)]
    yield [(_RUNNING, _started(trigger="manual"))]
    yield [(_RUNNING, StageStarted(stage="translator", attempt=1))]


def events() -> list[list[NewEvent]]:
    """Give the batches that the golden segment records, with fixed ids and times."""
    numbers = count(1)
    return [
        [
            NewEvent(
                data,
                run_id,
                f"00000000-0000-4000-8000-{number:012x}",
                _BEGIN + timedelta(seconds=number, microseconds=number),
            )
            for (run_id, data), number in zip(batch, numbers, strict=False)
        ]
        for batch in _told()
    ]


def golden_lines() -> list[bytes]:
    """Encode all lines, each with its newline; a batch is recorded 5 ms after its last event."""
    lines: list[bytes] = []
    sequences: Counter[str] = Counter()
    prev = ZERO_HASH
    for batch in events():
        recorded_at = utc_text(batch[-1].occurred_at + timedelta(milliseconds=5))
        for rest, event in zip(range(len(batch) - 1, -1, -1), batch, strict=True):
            if event.run_id is not None:
                sequences[event.run_id] += 1
            line = encode_line(
                encode_body(event),
                position=len(lines) + 1,
                prev=prev,
                sequence=sequences[event.run_id] if event.run_id is not None else 0,
                rest=rest,
                recorded_at=recorded_at,
            )
            prev = leaf_hash(line[:-1])
            lines.append(line)
    return lines


if __name__ == "__main__":
    target = Path(__file__).parent / "every_event_type.jsonl"
    target.write_bytes(b"".join(golden_lines()))
