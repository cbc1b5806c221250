"""Small pipelines and stages, and an observer that keeps what it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from automation import (
    Pipeline,
    PipelineOrchestrator,
    ShellCommand,
    Stage,
)
from ledger import StageContext
from projections import RunSummary
from tests.automation.waiting import wait_until


def nothing() -> None:
    """Succeed at once."""


def refuse() -> None:
    """Fail at once."""
    raise ValueError("a bad row")


class FailsFirst:
    """A stage that fails some times before it succeeds."""

    def __init__(self, times: int) -> None:
        """Fail ``times`` times."""
        self.left = times

    def __call__(self, stage: StageContext) -> None:
        """Fail, or say which attempt it was."""
        if self.left:
            self.left -= 1
            raise ValueError(f"attempt {stage.attempt}")
        stage.metric("attempt", stage.attempt)


def pipeline_of(**stages: Callable[..., object] | ShellCommand | Stage) -> Pipeline:
    """Make a pipeline of functions by the names of their stages."""
    made = [
        value if isinstance(value, Stage) else Stage(name, value) for name, value in stages.items()
    ]
    return Pipeline("nightly", stages=made)


def attempts_of(summary: RunSummary) -> list[tuple[str, int, str | None]]:
    """Give the attempts of a run, and what each came to."""
    return [(item.stage, item.attempt, item.result) for item in summary.attempts]


class Told:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.waits: list[float] = []
        self.steps: list[tuple[Any, ...]] = []
        self.output = b""

    def run_started(self, run_id: str, pipeline: Pipeline) -> None:
        """Note the start."""
        self.steps.append(("run", run_id, pipeline.name))

    def stage_started(self, stage: str, attempt: int) -> None:
        """Note an attempt."""
        self.steps.append((stage, attempt))

    def stage_output(self, stage: str, data: bytes) -> None:
        """Note what was printed."""
        self.output += stage.encode() + b" " + data

    def stage_ended(
        self, stage: str, attempt: int, error: BaseException | None, seconds: float
    ) -> None:
        """Note how it ended."""
        assert seconds >= 0
        self.steps.append((stage, attempt, type(error).__name__))

    def stage_waits(self, stage: str, seconds: float) -> None:
        """Note the wait."""
        self.steps.append((stage, "waits"))
        self.waits.append(seconds)

    def run_ended(self, summary: RunSummary) -> None:
        """Note the end."""
        self.steps.append(("run", summary.result))


class Begun:
    """A stage that lasts until somebody ends it, and says when it has begun."""

    def __init__(self) -> None:
        """Not begun yet."""
        self.event = threading.Event()

    def __call__(self) -> None:
        """Last."""
        self.event.set()
        time.sleep(60)


def stop_when(begun: Callable[[], object], orchestrator: PipelineOrchestrator) -> threading.Thread:
    """Stop the run from another thread as soon as something holds."""

    def stop() -> None:
        wait_until(begun, "the stage begins")
        orchestrator.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    return thread
