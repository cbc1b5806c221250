"""The attempts of a stage: retries, the waits between them, timeouts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from automation import (
    Pipeline,
    PipelineOrchestrator,
    ShellCommand,
    Stage,
)
from ledger import EventLog
from tests.automation.examples import (
    FailsFirst,
    Told,
    attempts_of,
    nothing,
    pipeline_of,
    refuse,
    stop_when,
)


def test_a_stage_is_tried_again(orchestrator: PipelineOrchestrator) -> None:
    """Each attempt is kept, and a success after retries is a success."""
    stage = Stage("translator", FailsFirst(2), retries=2, retry_delay=0.001)

    summary = orchestrator.run(Pipeline("nightly", stages=[stage, Stage("after", nothing)]))

    assert (summary.result, summary.retry_count, summary.stages_failed) == ("success", 2, ())
    assert attempts_of(summary) == [
        ("translator", 1, "failed"),
        ("translator", 2, "failed"),
        ("translator", 3, "success"),
        ("after", 1, "success"),
    ]
    assert [item.will_retry for item in summary.attempts] == [True, True, False, False]


def test_the_waits_double_and_have_jitter(orchestrator: PipelineOrchestrator) -> None:
    """Before retry n lie delay * 2**n seconds, and up to half a delay more."""
    told = Told()

    orchestrator.run(pipeline_of(a=Stage("a", refuse, retries=4, retry_delay=0.01)), observer=told)

    assert len(told.waits) == 4
    for number, seconds in enumerate(told.waits):
        assert 0.01 * 2**number <= seconds <= 0.01 * 2**number + 0.005


def test_a_wait_for_a_retry_is_stopped(orchestrator: PipelineOrchestrator) -> None:
    """The failed attempt stays failed, and is not tried again."""
    told = Told()
    thread = stop_when(lambda: told.waits, orchestrator)

    summary = orchestrator.run(
        pipeline_of(a=Stage("a", refuse, retries=3, retry_delay=600)), observer=told
    )

    thread.join()
    assert (summary.result, attempts_of(summary)) == ("stopped", [("a", 1, "failed")])


async def _sleeps_long() -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    "function", [lambda: time.sleep(60), _sleeps_long, ShellCommand("sleep 60")]
)
def test_a_stage_that_takes_too_long_fails(
    orchestrator: PipelineOrchestrator, function: Callable[[], object] | ShellCommand
) -> None:
    """A timeout is a failure like others: it may be retried, and is the reason in the end."""
    stage = Stage("slow", function, timeout=0.05, retries=1)

    summary = orchestrator.run(pipeline_of(slow=stage))

    reason = "Stage slow failed after 1 retry: StageTimeout: took longer than 0.05 s"
    assert (summary.result, summary.failure_reason) == ("failed", reason)
    assert [attempt.result for attempt in summary.attempts] == ["failed", "failed"]


def test_a_timeout_shows_where_the_stage_was(orchestrator: PipelineOrchestrator) -> None:
    """The traceback of the event leads to the line that took too long."""

    def hangs_here() -> None:
        time.sleep(60)

    summary = orchestrator.run(pipeline_of(a=Stage("a", hangs_here, timeout=0.05)))

    error = summary.attempts[0].error
    assert error is not None
    assert "in hangs_here" in (error.traceback or "")


def test_a_late_success_is_a_timeout(orchestrator: PipelineOrchestrator) -> None:
    """A stage that swallows its timeout and ends well has taken too long all the same."""

    def swallows() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(60)

    summary = orchestrator.run(pipeline_of(a=Stage("a", swallows, timeout=0.05)))

    assert summary.failure_reason == "Stage a failed: StageTimeout: took longer than 0.05 s"


def test_an_exit_with_a_status_fails_and_one_without_stops(
    orchestrator: PipelineOrchestrator,
) -> None:
    """A stage that calls ``sys.exit`` ends its run, and not the process."""

    def exits_with(code: int) -> Callable[[], None]:
        def exits() -> None:
            raise SystemExit(code)

        return exits

    failed = orchestrator.run(pipeline_of(a=Stage("a", exits_with(3), retries=2), b=nothing))
    stopped = orchestrator.run(pipeline_of(a=exits_with(0)))

    assert (failed.result, failed.failure_reason) == ("failed", "Stage a failed: SystemExit: 3")
    assert attempts_of(failed) == [("a", 1, "failed")]
    assert stopped.result == "stopped"


def test_an_error_of_another_ledger_fails_the_stage(
    orchestrator: PipelineOrchestrator, tmp_path: Path
) -> None:
    """What a stage does with a ledger of its own is the stage's business."""

    def uses_another() -> None:
        EventLog.open(tmp_path / "runs" / "ledger.json")

    summary = orchestrator.run(pipeline_of(a=Stage("a", uses_another, retries=1)))

    assert attempts_of(summary) == [("a", 1, "failed"), ("a", 2, "failed")]


def test_a_traceback_begins_in_the_stage(tmp_path: Path) -> None:
    """What ran the stage is left out, so the first frame is the function that raised."""

    def broken() -> None:
        message = "no rows"
        raise ValueError(message)

    with PipelineOrchestrator(tmp_path) as orchestrator:
        summary = orchestrator.run(Pipeline("p", stages=[Stage("broken", broken)]))

    error = summary.attempts[0].error
    assert error is not None
    assert error.traceback is not None
    assert error.traceback.splitlines()[1].endswith("in broken")
    assert "automation/running/stage_runner.py" not in error.traceback.replace(
        "tests/automation", ""
    )
