"""``PipelineOrchestrator``: runs pipelines here, in this process, and records each run.

How a run ends, and what ``run`` does then:

- All stages succeeded: the summary says ``success``, and is returned.
- A stage failed and has no retries left: the stages after it are recorded as skipped, the summary
  says ``failed``, and is returned.
- ``stop()`` was called: the stage that runs is ended, the rest is skipped, the summary says
  ``stopped``, and is returned.
- SIGINT or SIGTERM came: as ``stop()``, but when all is recorded the signal's exception goes on, so
  that the process ends as it was told to.

What the ledger itself cannot do (a full disk) is raised. Nothing runs unrecorded.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from automation.errors import OrchestratorBusy
from automation.parameters import merge_parameters
from automation.pipeline import Pipeline
from automation.running.abandonment import record_abandoned_runs
from automation.running.observer import RunObserver, StageOutputToStderr
from automation.running.stage_runner import StageRunner
from automation.running.stopping import Stopped, StopRequest, stop_on_signals
from ledger import EventLog, RunContext
from ledger.errors import LedgerReplaced
from ledger.reading.replay import replay_run
from ledger.recording.termination import Terminated, is_stop
from projections import RunHistory, RunsFile, RunSummary
from projections.errors import ViewError
from projections.runs.run_fold import fold, initial, summarize

__all__ = ["PipelineOrchestrator"]

_logger = logging.getLogger("runfold")

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True


class PipelineOrchestrator:
    """Runs pipelines and records them in one folder, one run at a time.

    ``stop`` may be called from any thread. Signals reach the orchestrator that runs in the main
    thread.

    Attributes:
        last_run: what the last run came to, also where ``run`` raised; None before the first.
    """

    def __init__(
        self, folder: Path | str, *, trigger: str | None = None, redact: Sequence[str] = ()
    ) -> None:
        """Open the ledger in ``folder``; make it where there is none.

        Args:
            folder: the data folder.
            trigger: what sets its runs off, like ``cron``; stands in each run's start.
            redact: names of further keys whose text is never recorded (see ``EventLog.open``).

        Raises:
            LedgerUnwritable: the folder cannot be written.
            LedgerDamaged: bytes below the durable mark are wrong.
        """
        self._trigger = trigger
        self._log = EventLog.open(folder, redact=redact)
        self._history = RunHistory(folder)
        # Reentrant: a signal handler may call stop() while its own thread is in run() or stop().
        self._guard = threading.RLock()
        self._stop: StopRequest | None = None
        self.last_run: RunSummary | None = None

    @property
    def run_history(self) -> RunHistory:
        """The runs of this folder."""
        return self._history

    def run(
        self,
        pipeline: Pipeline,
        *,
        parameters: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        observer: RunObserver | None = None,
    ) -> RunSummary:
        """Run the stages of a pipeline in order, and give what the run came to.

        Args:
            pipeline: what is to be run.
            parameters: laid over those of the pipeline.
            run_id: an identifier; one is made where none is given.
            metadata: laid over that of the pipeline.
            observer: is told of each step; without one, the output of shell stages goes to stderr.

        Raises:
            PipelineError: it names its parameters, and one given is not among them.
            InvalidEvent: the run id or a parameter may not enter the log; names it.
            SequenceConflict: a run of this id lies in the log already.
            OrchestratorBusy: another thread is in ``run``.
            LedgerError: the ledger cannot record the run.
            KeyboardInterrupt, Terminated: by SIGINT and SIGTERM, after the end was recorded.
        """
        observer = observer or StageOutputToStderr()
        given = merge_parameters(pipeline.parameters, parameters or {}, pipeline=pipeline.name)
        with self._stoppable() as stop:
            self._look_for_abandoned_runs()
            run = RunContext.start(
                self._log,
                pipeline=pipeline.name,
                run_id=run_id,
                stages=[stage.name for stage in pipeline.stages],
                parameters=given,
                metadata={**pipeline.metadata, **(metadata or {})},
                trigger=self._trigger,
                code_version=pipeline.code_version,
            )
            try:
                _record(run, pipeline, stop, observer)
            finally:
                self.last_run = summary = self._summarize(run.run_id)
                observer.run_ended(summary)
            stop.check_signal()
        return summary

    def stop(self) -> None:
        """End the run that goes on, if any, and have it recorded as stopped. Does not wait."""
        with self._guard:
            if self._stop is not None:
                self._stop.request()

    @contextmanager
    def _stoppable(self) -> Iterator[StopRequest]:
        """Be the one run that ``stop`` and the signals end."""
        with self._guard:
            if self._stop is not None:
                raise OrchestratorBusy(self._log.folder.path)
            self._stop = stop = StopRequest()
        with stop:
            try:
                with stop_on_signals(stop):
                    yield stop
            finally:
                # Before its pipe is closed: a stop that comes later must not find it.
                with self._guard:
                    self._stop = None

    def _look_for_abandoned_runs(self) -> None:
        """Look once; that the view cannot be used keeps no pipeline from running."""
        try:
            record_abandoned_runs(self._log, self._history, detected_by="the orchestrator")
        except ViewError as error:
            _logger.warning("runs whose process is gone were not looked for: %s", error)

    def _summarize(self, run_id: str) -> RunSummary:
        # Of a long log that has no such file yet, the runs that follow do the rest.
        RunsFile(self._log.folder.path).catch_up(most=RunsFile.PORTION)
        try:
            summary = self._history.get_run(run_id)
        except ViewError as error:
            _logger.warning("the summary was made from the log: %s", error)
            summary = summarize(fold(replay_run(self._log.reader, run_id), initial(run_id)))
        if summary is None:
            raise LedgerReplaced(self._log.folder.path, f"the run {run_id} is no longer there")
        return summary

    def close(self) -> None:
        """Let go of the ledger. Closing twice does nothing."""
        self._history.close()
        self._log.close()

    def __enter__(self) -> Self:
        """Give the orchestrator itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def _record(run: RunContext, pipeline: Pipeline, stop: StopRequest, observer: RunObserver) -> None:
    """Run the stages of a run that has started, to its recorded end.

    Raises:
        LedgerError: the end, or something before it, could not be recorded.
        KeyboardInterrupt, Terminated: by SIGINT and SIGTERM.
    """
    runner = StageRunner(run, stop, observer)
    try:
        with run:
            observer.run_started(run.run_id, pipeline)
            _run_stages(run, pipeline, runner)
    except BaseException as error:
        by_signal = isinstance(error, KeyboardInterrupt | Terminated) and type(error) is not Stopped
        if error is runner.failure or (is_stop(error) and not by_signal):
            return
        raise


def _run_stages(run: RunContext, pipeline: Pipeline, runner: StageRunner) -> None:
    for stage in pipeline.stages:
        try:
            runner.run(stage)
        except BaseException as error:
            if error is runner.failure or is_stop(error):
                reason = "the run was stopped" if is_stop(error) else f"{stage.name} failed"
                for other in pipeline.stages:
                    if other.name not in runner.tried:
                        run.skip(other.name, reason)
            raise
