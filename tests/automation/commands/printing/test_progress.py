"""What is said on stderr while a run goes on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from automation import PipelineOrchestrator, ShellCommand, Stage
from automation.commands.printing.progress import (
    LiveProgress,
    PlainProgress,
    Silence,
    progress_display,
)
from automation.running.observer import RunObserver
from tests.automation.examples import FailsFirst, nothing, pipeline_of, refuse

PIPELINE = pipeline_of(
    a=nothing,
    b=ShellCommand("printf 'no newline'"),
    c=Stage("c", refuse, retries=1),
    d=nothing,
)


def said_by(
    observer: RunObserver, folder: Path, capfd: pytest.CaptureFixture[str]
) -> tuple[str, str]:
    """Run the pipeline, and give what is on stdout and on stderr."""
    with PipelineOrchestrator(folder) as orchestrator:
        orchestrator.run(PIPELINE, run_id="r", observer=observer)
    captured = capfd.readouterr()
    return captured.out, captured.err


def test_plain_lines_tell_of_each_step(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each line stands for itself, also after an output without a last newline."""
    out, err = said_by(PlainProgress(), tmp_path / "runs", capfd)

    assert out == ""
    assert re.sub(r"\d+(\.\d\d)? m?s", "N s", err).splitlines() == [
        "run r of nightly",
        "a: started",
        "a: success, N s",
        "b: started",
        "no newline",
        "b: success, N s",
        "c: started",
        "c: failed, N s: ValueError: a bad row",
        "c: again in N s",
        "c: attempt 2",
        "c (attempt 2): failed, N s: ValueError: a bad row",
        "run r: failed",
    ]


def test_silence_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not even what shell stages print."""
    assert said_by(Silence(), tmp_path / "runs", capfd) == ("", "")


def test_the_display_suits_the_stream() -> None:
    """Without a terminal there are lines, and with --quiet nothing."""
    with progress_display(quiet=False) as observer:
        assert isinstance(observer, PlainProgress)
    with progress_display(quiet=True) as observer:
        assert isinstance(observer, Silence)


def test_a_forked_child_prints_to_the_real_stdout(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """While stages are drawn, a process that a stage forks does not draw."""

    def forks() -> None:
        child = os.fork()
        if child == 0:
            print("from the child", flush=True)  # noqa: T201 - what is printed is the point
            os._exit(0)
        os.waitpid(child, 0)

    live = LiveProgress()
    live.begin()
    try:
        with PipelineOrchestrator(tmp_path / "runs") as orchestrator:
            orchestrator.run(
                pipeline_of(a=forks, b=Stage("b", FailsFirst(1), retries=1)), observer=live
            )
    finally:
        live.finish()

    assert capfd.readouterr().out == "from the child\n"
