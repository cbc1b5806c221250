"""Runs of every kind for the pages: recorded by the real log, as if they had happened just now."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger import EventLog, NewEvent
from ledger.events import (
    ErrorInfo,
    EventData,
    ImportedRun,
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
)
from ledger.writers.machine import this_writer
from ledger.writers.writer_lock import WriterLock

__all__ = ["HOSTILE", "hostile_runs", "record_sample", "running_run"]

STAGES = ("fetch", "translate", "analyze", "report")
TRACEBACK = """Traceback (most recent call last):
  File "/srv/prices/nightly.py", line 88, in translate
    rows = [parse(line) for line in feed]
  File "/srv/prices/feed.py", line 31, in parse
    return Decimal(line.split(",")[3])
IndexError: list index out of range
"""
HOSTILE = (
    "<script>document.title = 'taken over'</script><img src=x onerror=alert(1)>",
    "\x1b[31mred\x07 \u202edetrever\u202c " + "x" * 10_000,
    "Z\u0338\u0322\u031b" * 2_000,
    "\"' onmouseover='alert(1)' </title></textarea></style><svg/onload=alert(2)>",
    "{{ 7 * 7 }} ${alert(3)} \u2028 \ufeff \u0000".replace("\u0000", "\u2400"),
)


class Story:
    """One run that is told, each event some seconds after the one before."""

    def __init__(self, log: EventLog, run_id: str, began: datetime) -> None:
        self._log = log
        self._run_id = run_id
        self._began = self._at = began
        self._told: list[NewEvent] = []

    def tell(self, data: EventData, *, after: float = 0.0) -> Story:
        """Say what happens next."""
        self._at += timedelta(seconds=after)
        self._told.append(NewEvent(data, self._run_id, occurred_at=self._at))
        return self

    def start(self, pipeline: str, *stages: str, **more: Any) -> Story:
        """Begin."""
        return self.tell(RunStarted(pipeline=pipeline, stages=stages, writer=this_writer(), **more))

    def stage(self, stage: str, seconds: float, attempt: int = 1, **metrics: Any) -> Story:
        """Let a stage succeed."""
        self.tell(StageStarted(stage=stage, attempt=attempt), after=0.05)
        done = StageCompleted(
            stage=stage, attempt=attempt, metrics=metrics, elapsed_seconds=seconds
        )
        return self.tell(done, after=seconds)

    def fail(
        self, stage: str, seconds: float, attempt: int = 1, *, retry: bool = False, **error: Any
    ) -> Story:
        """Let an attempt fail."""
        info = {"type": "ConnectionError", "message": "feed.example.org: timed out", **error}
        self.tell(StageStarted(stage=stage, attempt=attempt), after=0.05)
        failed = StageFailed(
            stage=stage,
            attempt=attempt,
            error=ErrorInfo(**info),
            will_retry=retry,
            output_tail="GET /prices.csv\n200 OK, 18 MB\nline 40211: 3 cells\n",
            elapsed_seconds=seconds,
        )
        return self.tell(failed, after=seconds)

    def end(self, result: Any, reason: str | None = None) -> None:
        """End, and record all of it."""
        took = (self._at - self._began).total_seconds()
        self.tell(
            RunEnded(result=result, failure_reason=reason, elapsed_seconds=took), after=0.02
        ).record()

    def record(self) -> None:
        """Record what was told."""
        self._log.append_batch(self._told)
        self._told = []


def _success(story: Story, pipeline: str, choice: random.Random) -> None:
    story.start(pipeline, *STAGES, metadata={"day": "2026-01-15", "region": "eu-west"})
    for stage in STAGES:
        story.stage(stage, choice.uniform(2, 40), rows=choice.randrange(90_000))
    story.end("success")


def _flaky(story: Story) -> None:
    story.start("nightly", *STAGES, parameters={"day": "2026-01-15"}, trigger="cron")
    story.fail("fetch", 12.0, 1, retry=True)
    story.tell(StageStarted(stage="fetch", attempt=2), after=8)
    story.tell(StageCompleted(stage="fetch", attempt=2, elapsed_seconds=15.5), after=15.5)
    for stage in STAGES[1:]:
        story.stage(stage, 20.0, rows=48_210, quality=0.9931)
    story.end("success")


def _failed(story: Story) -> None:
    story.start(
        "nightly",
        *STAGES,
        parameters={"day": "2026-01-15", "sources": ["xetra", "lse"], "strict": True},
        metadata={"day": "2026-01-15", "team": "prices"},
        trigger="cron",
        code_version="4f1c2ab",
    )
    story.stage("fetch", 14.2, rows=48_210, bytes=18_400_112, cache="miss")
    index = {"type": "IndexError", "message": "list index out of range", "traceback": TRACEBACK}
    story.fail("translate", 31.0, 1, retry=True)
    story.tell(StageStarted(stage="translate", attempt=2), after=10)
    story.tell(
        StageFailed(
            stage="translate",
            attempt=2,
            error=ErrorInfo(type="ConnectionError", message="feed.example.org: timed out"),
            will_retry=True,
            elapsed_seconds=22.0,
        ),
        after=22,
    )
    story.tell(StageStarted(stage="translate", attempt=3), after=20)
    story.tell(
        StageFailed(
            stage="translate",
            attempt=3,
            error=ErrorInfo(**index),
            output_tail="GET /prices.csv\n200 OK, 18 MB\n\x1b[31mline 40211: 3 cells\x1b[0m\n",
            elapsed_seconds=9.0,
        ),
        after=9,
    )
    story.tell(StageSkipped(stage="analyze", reason="translate failed"), after=0.01)
    story.tell(StageSkipped(stage="report", reason="translate failed"))
    story.end("failed", "Stage translate failed: IndexError: list index out of range")
    remark = RunAnnotated(
        metadata={"ticket": "PRICES-112"}, note="The feed had a short line.", actor="maria"
    )
    story.tell(remark, after=600).record()


def _overlapping(story: Story) -> None:
    names = ("load/lse", "load/xetra", "load/nyse")
    story.start("hourly", *names, "merge")
    for offset, name in enumerate(names):
        story.tell(StageStarted(stage=name, attempt=1), after=0.4 * offset)
    for offset, name in enumerate(names):
        took = 5.0 + 3 * offset
        story.tell(
            StageCompleted(
                stage=name, attempt=1, elapsed_seconds=took, metrics={"rows": 1000 * offset}
            ),
            after=3,
        )
    story.stage("merge", 4.0)
    story.end("success")


def _stopped(story: Story) -> None:
    story.start("hourly", *STAGES, trigger="manual").stage("fetch", 9.0)
    story.tell(StageStarted(stage="translate", attempt=1), after=0.1)
    story.tell(StageStopped(stage="translate", attempt=1, elapsed_seconds=6.0), after=6)
    story.end("stopped", "Stopped by SIGINT")


def _crashed(story: Story) -> None:
    story.start("nightly", *STAGES).stage("fetch", 7.0)
    story.tell(StageStarted(stage="translate", attempt=1), after=0.1)
    gone = RunAbandoned(detected_by="upkeep", host="worker-3", pid=4711, last_sequence=4)
    story.tell(gone, after=60).record()


def record_sample(folder: Path, *, successes: int = 24) -> None:
    """Record runs of every kind: success, with retries, failed, stopped, crashed, imported."""
    choice = random.Random(7)
    now = datetime.now(UTC)
    with EventLog.open(folder, durability="process") as log:
        for number in range(successes):
            began = now - timedelta(hours=2 * (successes - number), minutes=choice.randrange(40))
            pipeline = ("nightly", "hourly", "backfill-prices")[number % 3]
            _success(Story(log, f"run-{number:03}", began), pipeline, choice)
        _imported(log, now - timedelta(days=9))
        for name, tell, hours in (
            ("overlapping", _overlapping, 1.7),
            ("crashed", _crashed, 1.5),
            ("stopped", _stopped, 1.2),
            ("flaky", _flaky, 0.8),
            ("failed", _failed, 0.4),
        ):
            tell(Story(log, f"run-{name}", now - timedelta(hours=hours)))


def _imported(log: EventLog, began: datetime) -> None:
    summary = ImportedRun(
        run_id="run-imported",
        started_at=began,
        ended_at=began + timedelta(minutes=4),
        result="failed",
        failure_reason="exit code 3",
        stages_executed=("load", "merge"),
        stages_failed=("merge",),
        retry_count=1,
        metadata={"from": "cron.log"},
    )
    log.append(NewEvent(RunImported(summary=summary, source="runs.jsonl"), "run-imported"))


@contextmanager
def running_run(folder: Path, run_id: str = "run-running") -> Iterator[str]:
    """Record a run that has gone on for a while, and keep it alive until the end of the block."""
    with EventLog.open(folder) as log:
        lock = WriterLock(log.folder, run_id)
        try:
            story = Story(log, run_id, datetime.now(UTC) - timedelta(seconds=95))
            story.start("backfill-prices", *STAGES, metadata={"day": "2026-01-16"})
            story.stage("fetch", 30.0, rows=51_008).fail("translate", 20.0, 1, retry=True)
            story.tell(StageStarted(stage="translate", attempt=2), after=10).record()
            yield run_id
        finally:
            lock.release()


def hostile_runs(folder: Path, texts: Sequence[str] = HOSTILE) -> list[str]:
    """Record a failed run for each hostile text, which stands wherever text may stand."""
    names = []
    with EventLog.open(folder, durability="process") as log:
        for number, text in enumerate(texts):
            names.append(f"hostile-{number}")
            story = Story(log, names[-1], datetime.now(UTC) - timedelta(seconds=50 - number))
            pair = {text[:200]: text[:9_000]}
            story.start(
                "nightly",
                parameters=pair,
                metadata=pair,
                trigger=text[:500],
                code_version=text[:500],
            )
            story.stage("load", 1.0, rows=text[:9_000])
            story.fail("merge", 1.0, type=text[:500], message=text[:9_000], traceback=text[:9_000])
            story.tell(RunAnnotated(note=text[:9_000], actor=text[:500], metadata=pair))
            story.end("failed", text)
    return names
