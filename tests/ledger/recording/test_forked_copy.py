"""A forked child has copies of the blocks of its parent's run; leaving them ends nothing there."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from ledger import EventLog, LogReader, RunContext
from tests.ledger.interleaving import in_fork


def told(folder: Path) -> list[str]:
    """Tell the types of the events of the run."""
    return [event.type for event in LogReader(folder).read(1)]


@pytest.mark.parametrize("leaves_by", [SystemExit, ValueError])
def test_a_child_that_leaves_the_blocks_of_its_parent_ends_nothing(
    tmp_path: Path, leaves_by: type[BaseException]
) -> None:
    """Neither the attempt nor the run, however it leaves: the parent goes on to their ends."""
    with EventLog.open(tmp_path) as log, ExitStack() as blocks:
        run = blocks.enter_context(RunContext.start(log, pipeline="nightly"))
        blocks.enter_context(run.stage("load"))

        def leave() -> None:
            with pytest.raises(leaves_by), blocks:
                raise leaves_by

        assert in_fork(leave) == 0
        assert told(tmp_path) == ["run_started", "stage_started"]

    assert told(tmp_path)[2:] == ["stage_completed", "run_ended"]


def test_a_child_whose_parent_is_gone_goes_on_in_its_place(tmp_path: Path) -> None:
    """As a daemon does: the process that began the run is not there to end it."""

    def begin_and_become_a_daemon() -> None:
        parent = os.getpid()
        with RunContext.start(tmp_path, pipeline="nightly") as run, run.stage("load"):
            if os.fork():
                os._exit(0)
            while os.getppid() == parent:
                time.sleep(0.001)

    assert in_fork(begin_and_become_a_daemon) == 0
    deadline = time.monotonic() + 30
    while len(told(tmp_path)) < len(["started", "stage", "completed", "ended"]):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert told(tmp_path)[2:] == ["stage_completed", "run_ended"]
