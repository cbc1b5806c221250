"""Runs that are ended from outside: by ``stop()`` and by signals."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from automation import (
    PipelineOrchestrator,
    ShellCommand,
    Stage,
)
from ledger.recording.termination import Terminated
from projections import RunSummary
from tests.automation.examples import (
    Begun,
    attempts_of,
    nothing,
    pipeline_of,
    stop_when,
)
from tests.automation.waiting import wait_until


def test_a_python_stage_is_stopped(orchestrator: PipelineOrchestrator) -> None:
    """A stop from another thread ends the stage, skips the rest, and the summary is returned."""
    stage = Begun()
    thread = stop_when(stage.event.is_set, orchestrator)

    summary = orchestrator.run(pipeline_of(before=nothing, a=stage, b=nothing))

    thread.join()
    assert (summary.result, summary.failure_reason) == ("stopped", None)
    assert attempts_of(summary) == [("before", 1, "success"), ("a", 1, "stopped")]
    assert [(item.stage, item.reason) for item in summary.stages_skipped] == [
        ("b", "the run was stopped")
    ]
    assert summary.anomalies == ()
    assert orchestrator.run(pipeline_of(a=nothing)).result == "success"


def test_a_shell_stage_is_stopped(orchestrator: PipelineOrchestrator, tmp_path: Path) -> None:
    """A stop ends the shell with its children."""
    begun = tmp_path / "begun"
    thread = stop_when(begun.exists, orchestrator)

    summary = orchestrator.run(pipeline_of(a=ShellCommand(f"sleep 60 & touch {begun}; wait")))

    thread.join()
    assert (summary.result, attempts_of(summary)) == ("stopped", [("a", 1, "stopped")])


def test_a_run_in_another_thread_is_stopped(orchestrator: PipelineOrchestrator) -> None:
    """An orchestrator need not run in the main thread to be stopped."""
    begun = threading.Event()
    summaries: list[RunSummary] = []

    def compute() -> None:
        begun.set()
        while begun.is_set():
            pass

    runner = threading.Thread(
        target=lambda: summaries.append(orchestrator.run(pipeline_of(a=compute, b=nothing)))
    )
    runner.start()
    stop_when(begun.is_set, orchestrator).join()
    runner.join(20)

    assert [summary.result for summary in summaries] == ["stopped"]


def test_an_error_while_stopping_is_part_of_the_stop(orchestrator: PipelineOrchestrator) -> None:
    """A stage that turns its interruption into another error was stopped, and did not fail."""
    stage = Begun()
    thread = stop_when(stage.event.is_set, orchestrator)

    def translate_errors() -> None:
        try:
            stage()
        except KeyboardInterrupt:
            raise ValueError("interrupted") from None

    summary = orchestrator.run(pipeline_of(a=Stage("a", translate_errors, retries=3)))

    thread.join()
    assert (summary.result, attempts_of(summary)) == ("stopped", [("a", 1, "stopped")])


def test_a_stop_between_two_stages_skips_the_rest(orchestrator: PipelineOrchestrator) -> None:
    """A stage that ends well in spite of the stop has succeeded; the next one never starts."""

    def stops_and_ends_well() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            orchestrator.stop()
            time.sleep(60)

    summary = orchestrator.run(pipeline_of(a=stops_and_ends_well, b=nothing))

    assert (summary.result, attempts_of(summary)) == ("stopped", [("a", 1, "success")])
    assert [item.stage for item in summary.stages_skipped] == ["b"]


def test_a_stop_of_nothing_does_nothing(orchestrator: PipelineOrchestrator) -> None:
    """It is not kept for the next run."""
    orchestrator.stop()

    assert orchestrator.run(pipeline_of(a=nothing)).result == "success"


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_signal_stops_the_run_and_goes_on(
    orchestrator: PipelineOrchestrator, number: signal.Signals, raised: type[BaseException]
) -> None:
    """The run is recorded to its end first, then the process ends as it was told to."""
    before = signal.getsignal(number)

    def told() -> None:
        signal.raise_signal(number)
        time.sleep(60)

    with pytest.raises(raised):
        orchestrator.run(pipeline_of(a=told, b=nothing))

    summary = orchestrator.last_run
    assert summary is not None
    assert (summary.result, attempts_of(summary)) == ("stopped", [("a", 1, "stopped")])
    assert signal.getsignal(number) is before


def test_a_signal_in_a_shell_stage_goes_on(
    orchestrator: PipelineOrchestrator, tmp_path: Path
) -> None:
    """A signal that comes while a command runs ends the command and the run."""
    begun = tmp_path / "begun"

    def interrupt() -> None:
        wait_until(begun.exists, "the command begins")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        orchestrator.run(pipeline_of(a=ShellCommand(f"touch {begun}; sleep 60")))

    thread.join()
    assert orchestrator.last_run is not None
    assert orchestrator.last_run.result == "stopped"


def test_a_signal_too_late_for_the_run_still_goes_on(orchestrator: PipelineOrchestrator) -> None:
    """A last stage that swallows the interrupt succeeds, but the process is told to end."""

    def swallow() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        orchestrator.run(pipeline_of(a=swallow))

    assert orchestrator.last_run is not None
    assert orchestrator.last_run.result == "success"
