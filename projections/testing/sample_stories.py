"""The runs of a sample log, each as what happens in it; values are drawn, the course is fixed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ledger.events import (
    ErrorInfo,
    EventData,
    FailureAcknowledged,
    ImportedRun,
    LedgerCreated,
    LedgerRecovered,
    LedgerRepaired,
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
from ledger.line.codec import FORMAT

__all__ = ["Odd", "Story", "Told", "stories"]

_WRITER = WriterIdentity(
    host="worker-1",
    machine_id="3f0c1b6a9d2e4c5f8a7b6c5d4e3f2a1b",
    boot_id="0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
    pid=4711,
)
_LONG_AGO = datetime(2025, 12, 31, 10, tzinfo=UTC)
_SET_BACK, _AHEAD = -3600.0, 7200.0
_ELSEWHERE = "00000000000000009001.jsonl"


class Odd(msgspec.Struct, frozen=True):
    """An event that this version has no model of."""

    type: str
    version: int
    payload: bytes = b'{"stage":"load","until":"2026-01-15T12:00:00Z"}'


class Told(msgspec.Struct, frozen=True):
    """One thing that happens.

    ``skew`` is by how many seconds the clock is wrong; ``again`` says the event before once more.
    """

    data: EventData | Odd
    skew: float = 0.0
    again: bool = False


Story = tuple[str | None, list[Told]]
"""A run id, null for what belongs to no run, and what happens in order."""


def stories(choice: random.Random) -> list[Story]:
    """Give what happens in one log, beginning with its creation."""
    drawn = _Drawn(choice)
    runs = (
        ("retried", _retried(drawn)),
        ("overlapping", _overlapping(drawn)),
        ("failed", _failed(drawn)),
        ("stopped", _stopped(drawn)),
        ("abandoned", _abandoned(drawn)),
        ("resurrected", _resurrected(drawn)),
        ("imported", _imported(drawn)),
        ("clock", _wrong_clock(drawn)),
        ("unknown", _unknown(drawn)),
        ("illegal", _illegal(drawn)),
        ("no-start", [Told(drawn.completed("load")), Told(drawn.ended())]),
        ("going-on", [Told(drawn.started()), Told(drawn.began("load"))]),
    )
    told: list[Story] = [
        (f"{name}-{choice.randrange(1000)}", list(_as_told(story))) for name, story in runs
    ]
    return [(None, [Told(drawn.created())]), *told, (None, _of_no_run())]


def _as_told(story: Sequence[EventData | Odd | Told]) -> list[Told]:
    return [one if isinstance(one, Told) else Told(one) for one in story]


class _Drawn:
    """Events whose values are drawn."""

    def __init__(self, choice: random.Random) -> None:
        self._choice = choice

    def _metrics(self) -> dict[str, Any]:
        drawn: dict[str, Any] = {
            "rows": self._choice.randrange(10**6),
            "cost": self._choice.choice([0, 1, 0.1, 12.5, self._choice.random(), "NaN"]),
            "größe": self._choice.choice([None, True, [1, 2.5], {"a": {"b": "ü"}}, 2**63 - 1]),
        }
        kept = self._choice.sample(sorted(drawn), self._choice.randint(0, len(drawn)))
        return {key: drawn[key] for key in kept}

    def _seconds(self) -> float:
        return round(self._choice.random() * 1000, self._choice.randint(0, 6))

    def created(self) -> LedgerCreated:
        return LedgerCreated(ledger_id="a-ledger-of-the-contract-kit", format=FORMAT)

    def started(self, *stages: str) -> RunStarted:
        return RunStarted(
            pipeline=self._choice.choice(["nightly", "market-data", "train"]),
            stages=stages,
            parameters=self._metrics(),
            metadata=self._metrics() | {"day": f"2026-01-{self._choice.randint(10, 28)}"},
            trigger=self._choice.choice([None, "cron", "manual"]),
            rerun_of=self._choice.choice([None, "nightly-2026-01-14"]),
            code_version=self._choice.choice([None, "1f2e3d4c"]),
            writer=_WRITER,
        )

    def began(self, stage: str, attempt: int = 1) -> StageStarted:
        return StageStarted(stage=stage, attempt=attempt)

    def completed(self, stage: str, attempt: int = 1) -> StageCompleted:
        return StageCompleted(
            stage=stage,
            attempt=attempt,
            metrics=self._metrics(),
            output_tail=self._choice.choice([None, "", "done\n"]),
            elapsed_seconds=self._seconds(),
        )

    def failed(self, stage: str, attempt: int = 1, *, retry: bool = False) -> StageFailed:
        trace = self._choice.choice([None, "Traceback …"])
        return StageFailed(
            stage=stage,
            attempt=attempt,
            error=ErrorInfo(type="ValueError", message="no rows in “Zürich”", traceback=trace),
            will_retry=retry,
            output_tail=self._choice.choice([None, "reading\n"]),
            elapsed_seconds=self._seconds(),
        )

    def stopped(self, stage: str, attempt: int = 1) -> StageStopped:
        return StageStopped(stage=stage, attempt=attempt, elapsed_seconds=self._seconds())

    def abandoned(self) -> RunAbandoned:
        return RunAbandoned(detected_by="worker-2", host="worker-1", pid=4711, last_sequence=2)

    def annotated(self) -> RunAnnotated:
        note = self._choice.choice([None, "looked at"])
        return RunAnnotated(metadata=self._metrics(), note=note, actor="anna")

    def ended(self, result: Result = "success") -> RunEnded:
        reason = None if result == "success" else f"{result}: see stage load"
        return RunEnded(result=result, failure_reason=reason, elapsed_seconds=self._seconds())

    def imported(self) -> RunImported:
        ended = self._choice.choice([None, _LONG_AGO + timedelta(seconds=90.5)])
        summary = ImportedRun(
            run_id="old-17",
            started_at=_LONG_AGO,
            ended_at=ended,
            result=None if ended is None else "failed",
            failure_reason=None if ended is None else "Stage load failed",
            stages_executed=("load", "merge"),
            stages_failed=("load",),
            retry_count=self._choice.randint(0, 3),
            metadata=self._metrics(),
        )
        return RunImported(summary=summary, source="runs.jsonl:17")


_Course = Sequence[EventData | Odd | Told]


def _retried(drawn: _Drawn) -> _Course:
    return [
        drawn.started("load", "merge", "report"),
        drawn.began("load"),
        drawn.failed("load", retry=True),
        drawn.began("load", 2),
        drawn.completed("load", 2),
        drawn.annotated(),
        StageSkipped(stage="merge", reason="nothing new"),
        drawn.began("report"),
        drawn.completed("report"),
        drawn.ended(),
        drawn.annotated(),
        drawn.annotated(),
    ]


def _overlapping(drawn: _Drawn) -> _Course:
    stages = ("load", "load/orders", "load/customers")
    opened = [drawn.began(stage) for stage in stages]
    closed = [drawn.completed(stage) for stage in reversed(stages)]
    return [drawn.started(*stages), *opened, *closed, drawn.ended()]


def _failed(drawn: _Drawn) -> _Course:
    return [
        drawn.started("load", "merge"),
        drawn.began("load"),
        drawn.failed("load", retry=True),
        drawn.began("load", 2),
        drawn.failed("load", 2),
        StageSkipped(stage="merge", reason="a stage before it failed"),
        drawn.ended("failed"),
    ]


def _stopped(drawn: _Drawn) -> _Course:
    return [drawn.started(), drawn.began("load"), drawn.stopped("load"), drawn.ended("stopped")]


def _abandoned(drawn: _Drawn) -> _Course:
    return [drawn.started(), drawn.began("load"), drawn.abandoned(), drawn.annotated()]


def _resurrected(drawn: _Drawn) -> _Course:
    before = [drawn.started(), drawn.began("load"), drawn.abandoned()]
    return [*before, drawn.completed("load"), drawn.ended(), drawn.annotated()]


def _imported(drawn: _Drawn) -> _Course:
    return [drawn.imported(), drawn.annotated()]


def _wrong_clock(drawn: _Drawn) -> _Course:
    return [
        Told(drawn.started(), _AHEAD),
        drawn.began("load"),
        Told(drawn.completed("load"), _SET_BACK),
        Told(drawn.ended(), _AHEAD),
    ]


def _unknown(drawn: _Drawn) -> _Course:
    return [
        drawn.started("load"),
        Odd("stage_paused", 1),
        drawn.began("load"),
        Odd("stage_completed", 2),
        Odd("run_annotated", 2),
        drawn.completed("load"),
        Odd("run_rated", 7, b"{}"),
        drawn.ended(),
        Odd("run_rated", 7),
    ]


def _illegal(drawn: _Drawn) -> _Course:
    first, last = drawn.started(), drawn.ended("failed")
    return [
        first,
        Told(first, again=True),
        drawn.completed("load"),
        drawn.began("load"),
        Told(drawn.began("load"), again=True),
        drawn.began("load"),
        drawn.failed("load"),
        last,
        Told(last, again=True),
        drawn.ended(),
        drawn.began("load", 2),
        drawn.abandoned(),
        drawn.started(),
    ]


def _of_no_run() -> list[Told]:
    recovered = LedgerRecovered(
        segment=_ELSEWHERE,
        offset=17,
        cut_bytes=3,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        quarantine="9001-17.bin",
        reason="3 bytes without a newline",
    )
    skipped = {"segment": _ELSEWHERE, "offset": 512, "bytes": 300, "positions": [9004, 9004]}
    repaired = LedgerRepaired(skipped=(skipped,), actor="anna", reason="a flipped bit")
    known = FailureAcknowledged(fingerprint="f00d", note="known", actor="anna")
    return [Told(recovered), Told(known), Told(Odd("ledger_moved", 1, b"{}")), Told(repaired)]
