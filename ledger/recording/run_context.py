"""``RunContext``: what a running pipeline holds. It writes the run's events as they happen.

One context manager for the run, one for each stage, for ``with`` and ``async with`` alike. An
exception becomes ``stage_failed`` and goes on; an interrupt, SIGTERM or cancellation becomes
``stage_stopped`` and the result ``stopped``. A forked child that leaves a block of its parent ends
nothing there while that lives. While the run lives, its process holds the run's writer lock, or
keeps its lease at a ledger elsewhere; a process that dies does neither, which is how a crash is
told from a long stage.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.disk.fork_safety import forget_in_children
from ledger.errors import IllegalTransition, InvalidEvent
from ledger.payloads.derived import (
    Result,
    RunAnnotated,
    RunEnded,
    RunStarted,
    StageCompleted,
    StageFailed,
    StageSkipped,
    StageStarted,
    StageStopped,
)
from ledger.payloads.payload import Payload, build
from ledger.plain_values import clean_text, to_plain
from ledger.recorded import NewEvent, Receipt
from ledger.recording.described_error import describe_error, one_line
from ledger.recording.forked_copy import is_copy_of
from ledger.recording.run_log import OpenRunLog, RunLog, open_run_log
from ledger.recording.scope import current_in_scope
from ledger.recording.termination import is_stop, sigterm_raises, stops_wait
from ledger.writers.machine import this_process

if TYPE_CHECKING:
    from ledger.events import EventData

__all__ = ["RunContext", "StageContext", "current_run", "current_stage"]

_run: ContextVar[RunContext | None] = ContextVar("runfold_run", default=None)
_stage: ContextVar[StageContext | None] = ContextVar("runfold_stage", default=None)


def current_run() -> RunContext | None:
    """Give the run that this code is part of, if any."""
    return _run.get()


def current_stage() -> StageContext | None:
    """Give the stage that this code is part of, if any."""
    return _stage.get()


def _new_run_id() -> str:
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%SZ}-{os.urandom(6).hex()}"


class RunContext:
    """A run that is being recorded.

    Attributes:
        run_id: its id.
        parameters: what it was started with.
    """

    def __init__(
        self,
        log: RunLog,
        started: RunStarted,
        run_id: str,
        *,
        fresh: bool,
        owned: OpenRunLog | None = None,
    ) -> None:
        """Record the start. ``RunContext.start`` is the way to make one."""
        self.run_id = run_id
        self.parameters: Mapping[str, Any] = started.parameters
        self._log = log
        self._began = time.monotonic()
        self._guard = threading.Lock()
        self._attempts: dict[str, int] = {}
        self._open: set[str] = set()
        self._failures: dict[str, tuple[BaseException, str]] = {}
        self._ended = False
        self._recorder = os.getpid()
        self._exits = ExitStack()
        self._held = log.hold_run(run_id)
        try:
            event = NewEvent(started, run_id)
            log.append_batch([event], expected_sequence=0, fresh_run=fresh)
        except BaseException:
            self._held.release()
            raise
        self._owned = owned
        forget_in_children(self)

    def forget_in_child(self) -> None:
        """In a forked child: hold no lock of a thread that is the parent's."""
        self._guard = threading.Lock()

    @classmethod
    def start(
        cls,
        log: RunLog | Path | str | None = None,
        *,
        pipeline: str,
        run_id: str | None = None,
        stages: Sequence[str] = (),
        parameters: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        trigger: str | None = None,
        rerun_of: str | None = None,
        code_version: str | None = None,
        redact: Sequence[str] = (),
    ) -> Self:
        """Start a run: ``run_started`` is durable when this returns.

        Args:
            log: where it is recorded: a log, a data folder, or the URL of a ledger elsewhere; None
                asks the environment for ``RUNFOLD_URL``, then ``RUNFOLD_DIR``.
            pipeline: the pipeline's name, an identifier.
            run_id: an identifier; one is made where none is given.
            stages: the planned stages, in order, where they are known.
            parameters: what the run is asked to do.
            metadata: what people want to find it by.
            trigger: what set it off, like ``cron`` or ``manual``.
            rerun_of: the run that this one does again.
            code_version: the version of the code that runs, like a git commit.
            redact: names of further keys whose text is never recorded, where the log is opened
                here (see ``EventLog.open``).

        Raises:
            InvalidEvent: a name is not one; says which field.
            LockTimeout: another process records this run.
            SequenceConflict: a run of this id lies in the log already. A ledger elsewhere says so
                later, and the run's events are set aside.
        """
        started = build(
            RunStarted,
            pipeline=pipeline,
            stages=tuple(stages),
            parameters=to_plain(parameters or {}),
            metadata=to_plain(metadata or {}),
            trigger=trigger,
            rerun_of=rerun_of,
            writer=this_process(),
            code_version=code_version,
        )
        fresh = run_id is None
        run_id = _new_run_id() if run_id is None else run_id
        if log is not None and not isinstance(log, str | Path):
            return cls(log, started, run_id, fresh=fresh)
        opened = open_run_log(log, redact=redact)
        try:
            return cls(opened, started, run_id, fresh=fresh, owned=opened)
        except BaseException:
            opened.close()
            raise

    def stage(self, name: str, *, retries_left: int = 0) -> StageContext:
        """Open the next attempt of a stage, to be used in ``with`` or ``async with``.

        ``retries_left`` says how many attempts would follow a failure of this one.
        """
        return StageContext(self, name, retries_left)

    def skip(self, stage: str, reason: str) -> Receipt:
        """Record that a planned stage is not tried."""
        return self.record(build(StageSkipped, stage=stage, reason=clean_text(reason)))

    def annotate(
        self, note: str | None = None, *, actor: str = "pipeline", **metadata: Any
    ) -> None:
        """Add metadata or a note while the run goes on; later values win."""
        note = None if note is None else clean_text(note)
        self.record(build(RunAnnotated, metadata=to_plain(metadata), note=note, actor=actor))

    def record(self, data: EventData | Payload) -> Receipt:
        """Append one event of this run."""
        return self._log.append(NewEvent(data, self.run_id))

    def end(self, result: Result, failure_reason: str | None = None) -> None:
        """Record the end. Leaving the ``with`` block does this; calling it twice does nothing."""
        with self._guard:
            if self._ended:
                return
            self._ended = True
        try:
            self.record(
                build(
                    RunEnded,
                    result=result,
                    failure_reason=None if failure_reason is None else clean_text(failure_reason),
                    elapsed_seconds=time.monotonic() - self._began,
                )
            )
        finally:
            self._held.release()
            if self._owned is not None:
                self._owned.close()

    def open_attempt(self, stage: str) -> int:
        """Count up to the next attempt of a stage.

        Raises:
            IllegalTransition: the stage is running already; parallel parts need their own names.
        """
        with self._guard:
            if stage in self._open:
                rule = f"stage {stage} is running; name parallel parts apart, like {stage}/orders"
                raise IllegalTransition(self.run_id, "stage_started", rule)
            self._open.add(stage)
            self._attempts[stage] = self._attempts.get(stage, 0) + 1
            return self._attempts[stage]

    def close_attempt(self, stage: str, *, started: bool = True) -> None:
        """Let the stage be tried again; an attempt that never started does not count."""
        with self._guard:
            self._open.discard(stage)
            if not started:
                self._attempts[stage] -= 1

    def note_failure(self, stage: str, attempt: int, error: BaseException) -> None:
        """Remember which stage an exception came from, for the run's failure reason."""
        retries = attempt - 1
        after = f" after {retries} {'retry' if retries == 1 else 'retries'}" if retries else ""
        self._failures[stage] = (error, f"Stage {stage} failed{after}: {one_line(error)}")

    def _reason(self, error: BaseException) -> str:
        for failure, reason in list(self._failures.values()):
            if failure is error:
                return reason
        return one_line(error)

    def __enter__(self) -> Self:
        """Make this the current run, and let SIGTERM stop it."""
        self._exits.enter_context(sigterm_raises())
        self._exits.enter_context(current_in_scope(_run, self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record how the run ended. The exception goes on."""
        with self._exits, stops_wait():
            if is_copy_of(self._recorder):
                return
            if error is None:
                self.end("success")
            elif is_stop(error):
                self.end("stopped")
            else:
                self.end("failed", self._reason(error))

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
        self._exits.enter_context(current_in_scope(_stage, self))
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
