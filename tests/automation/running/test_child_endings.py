"""How a command ends is known, though SIGCHLD is ignored in this process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from automation import Pipeline, PipelineOrchestrator, ShellCommand, Stage
from projections import RunSummary


@pytest.fixture(autouse=True)
def _sigchld_is_ignored() -> Iterator[None]:
    """Have it ignored, as a process has that was started so."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def run(folder: Path, command: str) -> RunSummary:
    """Run a shell command as the one stage of a pipeline."""
    with PipelineOrchestrator(folder) as orchestrator:
        return orchestrator.run(Pipeline("p", stages=[Stage("load", ShellCommand(command))]))


def test_a_command_that_failed_is_no_success(tmp_path: Path) -> None:
    """Its status is its own, and the program finds the signal as it had set it."""
    assert run(tmp_path, "exit 3").failure_reason == (
        "Stage load failed: CommandFailed: exit status 3"
    )
    assert run(tmp_path, "true").result == "success"
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN


def test_another_thread_runs_nothing_that_it_could_not_judge(tmp_path: Path) -> None:
    """It may not change what becomes of the signal, so it says what to do."""
    made = tmp_path / "made"
    with ThreadPoolExecutor(1) as pool:
        reason = pool.submit(run, tmp_path / "runs", f"touch {made}").result().failure_reason

    assert reason is not None
    assert "SIGCHLD is ignored" in reason
    assert not made.exists()
