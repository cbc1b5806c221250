"""Run one stage of a run: its attempts, the waits between them, and how each attempt is ended."""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Callable

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from automation.errors import StageTimeout
from automation.pipeline import Stage
from automation.running.interruption import InterruptibleCall
from automation.running.observer import RunObserver
from automation.running.shell_stage import ShellCommand
from automation.running.stopping import StopRequest
from ledger import RunContext, StageContext
from ledger.recording.termination import is_stop

__all__ = ["StageRunner"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True

_LONGEST_WAIT = 3600.0
_JITTER = 0.5


class StageRunner:
    """Runs the stages of one run, one after the other.

    Attributes:
        failure: what the last attempt that failed raised. An exception that is not this one came
            from the ledger or an observer, is not the stage's fault, and is not tried again.
        tried: the names of the stages that have started.
    """

    def __init__(self, run: RunContext, stop: StopRequest, observer: RunObserver) -> None:
        """Record into ``run``, end when ``stop`` says so, and tell ``observer``."""
        self.failure: BaseException | None = None
        self.tried: set[str] = set()
        self._run = run
        self._stop = stop
        self._observer = observer

    def run(self, stage: Stage) -> None:
        """Try a stage until it succeeds or has no retries left.

        The wait before retry ``n`` (from 0) is ``retry_delay * 2**n`` seconds and up to half of
        ``retry_delay`` more, so that many pipelines that failed at once do not retry at once.

        Raises:
            Exception: what the last attempt raised.
            KeyboardInterrupt, Terminated: the run is to end.
        """
        retrying = Retrying(
            stop=stop_after_attempt(stage.retries + 1),
            wait=wait_exponential(stage.retry_delay, max=max(stage.retry_delay, _LONGEST_WAIT))
            + wait_random(0, stage.retry_delay * _JITTER),
            retry=retry_if_exception(self._may_be_retried),
            before_sleep=functools.partial(self._tell_wait, stage),
            sleep=self._stop.wait,
            reraise=True,
        )
        left = itertools.count(stage.retries, -1)
        # Not in a loop over it: a StopIteration of the stage would end that, as something else.
        retrying(lambda: self._try(stage, next(left)))

    def _may_be_retried(self, error: BaseException) -> bool:
        return error is self.failure and isinstance(error, Exception)

    def _tell_wait(self, stage: Stage, state: RetryCallState) -> None:
        self._observer.stage_waits(stage.name, state.upcoming_sleep)

    def _try(self, stage: Stage, retries_left: int) -> None:
        self._stop.check()
        began = time.monotonic()
        raised: BaseException | None = None
        context = self._run.stage(stage.name, retries_left=retries_left)
        try:
            with context:
                self.tried.add(stage.name)
                self._observer.stage_started(stage.name, context.attempt)
                self._call_and_note(stage, context)
        except BaseException as error:
            raised = error
            raise
        finally:
            seconds = time.monotonic() - began
            self._observer.stage_ended(stage.name, context.attempt, raised, seconds)

    def _call_and_note(self, stage: Stage, context: StageContext) -> None:
        """Call the stage; whatever it raises once the run is told to end is part of that end."""
        try:
            self._call(stage, context)
        except BaseException as error:
            self._stop.replace(error)
            if not is_stop(error):
                self.failure = error
            raise

    def _call(self, stage: Stage, context: StageContext) -> None:
        if isinstance(stage.function, ShellCommand):
            show = functools.partial(self._observer.stage_output, stage.name)
            stage.function.run(context, stop=self._stop, timeout=stage.timeout, show=show)
            return
        arguments = (context,) if stage.takes_context else ()
        function: Callable[[], object] = functools.partial(stage.function, *arguments)
        self._call_python(InterruptibleCall(function), stage.timeout)

    def _call_python(self, call: InterruptibleCall, timeout: float | None) -> None:
        """Call a Python stage; a failure after its time is a timeout, and so is a late success."""
        clock = _Deadline(timeout, call.interrupt)
        try:
            with self._stop.interrupting(call.interrupt), clock:
                call.run()
        except BaseException as error:
            if not self._stop.requested:
                clock.check(error)
            raise
        clock.check()


class _Deadline:
    """Interrupts a call that takes too long, and says so afterwards."""

    def __init__(self, seconds: float | None, interrupt: Callable[[], None]) -> None:
        self._seconds = seconds
        self._interrupt = interrupt
        self._passed = False
        self._timer = None if seconds is None else threading.Timer(seconds, self._pass)

    def _pass(self) -> None:
        self._passed = True
        self._interrupt()

    def check(self, error: BaseException | None = None) -> None:
        """Raise ``StageTimeout``, caused by ``error``, if the call took too long."""
        if self._passed and self._seconds is not None:
            raise StageTimeout(self._seconds) from error

    def __enter__(self) -> None:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
