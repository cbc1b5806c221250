"""A run or a stage may be left elsewhere than it was entered, and ends as it went."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ledger import EventLog, RunContext, current_run, current_stage
from tests.ledger.interleaving import in_fork


def story(log: EventLog) -> list[str]:
    """Tell a run by its types, and its result."""
    events = list(log.read_run("r"))
    return [*(event.type for event in events), getattr(events[-1].data, "result", "")]


WELL = ["run_started", "stage_started", "stage_completed", "run_ended", "success"]


def test_a_generator_is_ended_by_another_task(tmp_path: Path) -> None:
    """As with an async fixture: a run that went well is no failure for where its end is."""

    async def fixture(log: EventLog) -> AsyncIterator[None]:
        with RunContext.start(log, pipeline="p", run_id="r") as run, run.stage("load"):
            yield

    async def use(log: EventLog) -> None:
        steps = fixture(log)
        await asyncio.create_task(anext(steps, None))
        await asyncio.create_task(anext(steps, None))

    with EventLog.open(tmp_path) as log:
        asyncio.run(use(log))
        assert story(log) == WELL
    assert (current_run(), current_stage()) == (None, None)


def test_stages_that_overlap_are_left_in_any_order(tmp_path: Path) -> None:
    """The current one is the last that goes on; none is once all have ended."""
    with (
        EventLog.open(tmp_path) as log,
        RunContext.start(log, pipeline="p", run_id="r") as run,
    ):
        first, second = run.stage("load").__enter__(), run.stage("check").__enter__()
        first.__exit__(None, None, None)
        assert current_stage() is second
        second.__exit__(None, None, None)
        assert current_stage() is None


def test_a_thread_ends_what_the_main_thread_began(tmp_path: Path) -> None:
    """Nothing is raised there; only what a signal does stays as it is, until the process ends."""

    def begin_here_and_end_there() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with EventLog.open(tmp_path) as log:
            run = RunContext.start(log, pipeline="p", run_id="r").__enter__()
            stage = run.stage("load").__enter__()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(stage.__exit__, None, None, None).result()
                pool.submit(run.__exit__, None, None, None).result()
            assert story(log) == WELL

    assert in_fork(begin_here_and_end_there) == 0
