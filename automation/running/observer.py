"""What is told while a run goes on: to a progress display, a log, a test."""

from __future__ import annotations

import sys
from typing import Protocol

from automation.pipeline import Pipeline
from projections import RunSummary

__all__ = ["RunObserver", "StageOutputToStderr"]


class RunObserver(Protocol):
    """Is told of each step, in order, in the thread that runs the pipeline.

    What it raises ends the run.
    """

    def run_started(self, run_id: str, pipeline: Pipeline) -> None:
        """Learn that a run of a pipeline was recorded as started."""

    def stage_started(self, stage: str, attempt: int) -> None:
        """Learn that an attempt of a stage was recorded as started."""

    def stage_output(self, stage: str, data: bytes) -> None:
        """Take what a shell stage has just printed."""

    def stage_ended(
        self, stage: str, attempt: int, error: BaseException | None, seconds: float
    ) -> None:
        """Learn that an attempt ended, with the exception that ended it if there was one."""

    def stage_waits(self, stage: str, seconds: float) -> None:
        """Learn how long it is until the stage is tried again."""

    def run_ended(self, summary: RunSummary) -> None:
        """Learn what the run came to."""


class StageOutputToStderr:
    """The observer where none is given: passes the output of shell stages on, and says nothing."""

    def run_started(self, run_id: str, pipeline: Pipeline) -> None:
        """Say nothing."""

    def stage_started(self, stage: str, attempt: int) -> None:
        """Say nothing."""

    def stage_output(self, stage: str, data: bytes) -> None:  # noqa: ARG002 - as the protocol has it
        """Write to stderr what a shell stage has just printed."""
        if sys.stderr is None:
            return
        try:
            sys.stderr.flush()
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
        except (AttributeError, OSError, ValueError):
            # A stderr that is closed, or replaced by one for text only, must not fail a stage.
            return

    def stage_ended(
        self, stage: str, attempt: int, error: BaseException | None, seconds: float
    ) -> None:
        """Say nothing."""

    def stage_waits(self, stage: str, seconds: float) -> None:
        """Say nothing."""

    def run_ended(self, summary: RunSummary) -> None:
        """Say nothing."""
