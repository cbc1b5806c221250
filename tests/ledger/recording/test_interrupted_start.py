"""A run whose start is interrupted goes on for nobody: it has ended, or was never there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import EventLog, RunContext
from ledger.errors import DurabilityUnknown
from ledger.writing.appender import Appender
from ledger.writing.sync_turn import SyncTurn
from tests.ledger.interleaving import at_call, in_fork, interrupt

WRITTEN = [("run_started", 1), ("run_ended", 2)]


@pytest.mark.parametrize(
    ("moment", "recorded"), [(Appender.commit, []), (SyncTurn.make_durable, WRITTEN)]
)
def test_an_interrupted_start_leaves_no_run_that_seems_to_live(
    tmp_path: Path, moment: Callable[..., Any], recorded: list[tuple[str, int]]
) -> None:
    """Before the write there is no run; after it, before anybody knew, one that was stopped."""

    def start_and_be_interrupted() -> None:
        with EventLog.open(tmp_path) as log:
            at_call(moment, interrupt)
            with pytest.raises(KeyboardInterrupt):
                RunContext.start(log, pipeline="p", run_id="r")

    assert in_fork(start_and_be_interrupted) == 0

    with EventLog.open(tmp_path) as log:
        events = list(log.read_run("r"))
    assert [(event.type, event.sequence) for event in events] == recorded
    assert [getattr(event.data, "result", "") for event in events[1:]] == ["stopped"][
        : len(events[1:])
    ]
    assert not list((tmp_path / "writers").iterdir())


def test_an_interrupted_start_ends_no_other_run_of_its_id(tmp_path: Path) -> None:
    """A run of that id that lies in the log already is left as it is."""

    def start_twice() -> None:
        with EventLog.open(tmp_path) as log:
            RunContext.start(log, pipeline="p", run_id="r")
            (tmp_path / "writers" / "r").unlink()
            at_call(Appender.commit, interrupt)
            with pytest.raises(KeyboardInterrupt):
                RunContext.start(log, pipeline="p", run_id="r")

    assert in_fork(start_twice) == 0

    with EventLog.open(tmp_path) as log:
        assert [event.type for event in log.read_run("r")] == ["run_started"]


def test_a_start_that_was_not_confirmed_has_failed(tmp_path: Path) -> None:
    """Where its sync fails the caller gets the error, and the run has ended by it."""

    def put_a_pipe_in_its_place() -> None:
        _, pipe = os.pipe()
        for number in list(Path("/proc/self/fd").iterdir()):
            if number.is_symlink() and number.readlink().suffix == ".jsonl":
                os.dup2(pipe, int(number.name))

    def start_without_sync() -> None:
        with EventLog.open(tmp_path) as log:
            at_call(SyncTurn.make_durable, put_a_pipe_in_its_place)
            with pytest.raises(DurabilityUnknown):
                RunContext.start(log, pipeline="p", run_id="r")

    assert in_fork(start_without_sync) == 0

    with EventLog.open(tmp_path) as log:
        started, ended = log.read_run("r")
    assert (started.type, ended.type) == ("run_started", "run_ended")
    assert "did not confirm" in getattr(ended.data, "failure_reason", "")
