"""``RunContext``: what a running pipeline holds. It writes the run's events as they happen.

One context manager for the run, and one for each stage (see ``stage_context.py``), for ``with`` and
``async with`` alike. An exception becomes the result ``failed`` and goes on; an interrupt, SIGTERM
or cancellation becomes ``stopped``. A forked child that leaves a block of its parent ends nothing
there while that lives. While the run lives, its process holds the run's writer lock, or keeps its
lease at a ledger elsewhere; a process that dies does neither, which is how a crash is told from a
long stage.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.disk.fork_safety import forget_in_children
from ledger.errors import DurabilityUnknown, IllegalTransition, LedgerError
from ledger.payloads.derived import (
    Result,
    RunAnnotated,
    RunEnded,
    RunStarted,
    StageSkipped,
)
from ledger.payloads.payload import Payload, build
from ledger.plain_values import clean_text, to_plain
from ledger.recorded import NewEvent, Receipt
from ledger.recording.described_error import one_line
from ledger.recording.forked_copy import is_copy_of
from ledger.recording.run_log import OpenRunLog, RunLog, open_run_log
from ledger.recording.scope import Scope
from ledger.recording.stage_context import StageContext
from ledger.recording.termination import is_stop, sigterm_raises, stops_wait
from ledger.writers.machine import this_process

if TYPE_CHECKING:
    from ledger.events import EventData

__all__ = ["RunContext", "current_run"]

_runs: Scope[RunContext] = Scope("runfold_runs")


def current_run() -> RunContext | None:
    """Give the run that this code is part of, if any."""
    return _runs.current()


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
        event = NewEvent(started, run_id)
        self._held = log.hold_run(run_id)
        try:
            log.append_batch([event], expected_sequence=0, fresh_run=fresh)
        except BaseException as error:
            try:
                if isinstance(error, DurabilityUnknown) or not isinstance(error, Exception):
                    self._end_unsure(event, error)
            finally:
                self._held.release()
            raise
        self._owned = owned
        forget_in_children(self)

    def _end_unsure(self, start: NewEvent, error: BaseException) -> None:
        """End a run that nobody holds, where its start lies in the log: that is not known."""
        stopped = is_stop(error)
        ended = build(
            RunEnded,
            result="stopped" if stopped else "failed",
            failure_reason=None if stopped else one_line(error),
            elapsed_seconds=time.monotonic() - self._began,
        )
        # Where the start is not there, the run is not at sequence 1, and the end is refused too.
        with suppress(LedgerError):
            self._log.append_batch([start, NewEvent(ended, self.run_id)], expected_sequence=1)

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
        self._exits.enter_context(_runs.within(self))
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
