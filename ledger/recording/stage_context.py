"""``StageContext``: one attempt of a stage while it goes on. It records how that began and ended.

An exception becomes ``stage_failed`` and goes on; an interrupt, SIGTERM or cancellation becomes
``stage_stopped``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.errors import InvalidEvent
from ledger.payloads.derived import StageCompleted, StageFailed, StageStarted, StageStopped
from ledger.payloads.payload import Payload, build
from ledger.plain_values import clean_text, to_plain
from ledger.recording.described_error import describe_error
from ledger.recording.forked_copy import is_copy_of
from ledger.recording.scope import Scope
from ledger.recording.termination import is_stop, stops_wait

if TYPE_CHECKING:
    from ledger.recording.run_context import RunContext

__all__ = ["StageContext", "current_stage"]

_stages: Scope[StageContext] = Scope("runfold_stages")


def current_stage() -> StageContext | None:
    """Give the stage that this code is part of, if any."""
    return _stages.current()


class StageContext:
    """One attempt of a stage that is being recorded.

    Attributes:
        name: the stage.
        attempt: 1 for the first try; 0 before the stage was entered.
    """

    def __init__(self, run: RunContext, name: str, retries_left: int = 0) -> None:
        """Belong to a run. ``RunContext.stage`` is the way to make one."""
        self.run = run
        self.name = name
        self.attempt = 0
        self._retries_left = retries_left
        self._metrics: dict[str, Any] = {}
        self._output_tail: str | None = None
        self._began = 0.0
        self._recorder = 0
        self._exits = ExitStack()

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters of the run."""
        return self.run.parameters

    def metric(self, name: str, value: Any) -> None:  # noqa: ANN401 - numpy scalars and more
        """Keep a figure of this attempt; NaN and infinities are stored as text."""
        self._metrics[clean_text(name)] = to_plain(value, depth=1)

    def output(self, tail: str) -> None:
        """Keep the tail of what the stage printed."""
        self._output_tail = clean_text(tail)

    def __enter__(self) -> Self:
        """Record the start of the attempt."""
        self.attempt = self.run.open_attempt(self.name)
        try:
            self.run.record(build(StageStarted, stage=self.name, attempt=self.attempt))
        except BaseException:
            self.run.close_attempt(self.name, started=False)
            raise
        self._began, self._recorder = time.monotonic(), os.getpid()
        self._exits.enter_context(_stages.within(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record how the attempt ended. The exception goes on."""
        with self._exits, stops_wait():
            if is_copy_of(self._recorder):
                return
            elapsed = time.monotonic() - self._began
            try:
                self._record_end(error, elapsed)
            except InvalidEvent as refused:
                # What it kept may not enter the log: that is how it ended.
                self._record_end(refused, elapsed)
                raise
            finally:
                self.run.close_attempt(self.name)

    def _record_end(self, error: BaseException | None, elapsed: float) -> None:
        if error is None:
            self.run.record(self._completed(elapsed))
        elif is_stop(error):
            self.run.record(
                build(StageStopped, stage=self.name, attempt=self.attempt, elapsed_seconds=elapsed)
            )
        else:
            self.run.note_failure(self.name, self.attempt, error)
            self.run.record(self._failed(error, elapsed))

    def _completed(self, elapsed: float) -> Payload:
        return build(
            StageCompleted,
            stage=self.name,
            attempt=self.attempt,
            metrics=self._metrics,
            output_tail=self._output_tail,
            elapsed_seconds=elapsed,
        )

    def _failed(self, error: BaseException, elapsed: float) -> Payload:
        return build(
            StageFailed,
            stage=self.name,
            attempt=self.attempt,
            error=describe_error(error),
            will_retry=self._retries_left > 0 and isinstance(error, Exception),
            output_tail=self._output_tail,
            elapsed_seconds=elapsed,
        )

    async def __aenter__(self) -> Self:
        """Do what ``__enter__`` does."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do what ``__exit__`` does."""
        self.__exit__(kind, error, trace)
