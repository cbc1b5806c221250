"""A signal that comes while an end is being recorded does not keep it from being recorded."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import EventLog, RunContext
from ledger.recording.termination import Terminated
from tests.ledger.interleaving import in_fork, just_before

_STOPS: dict[signal.Signals, tuple[Any, type[BaseException]]] = {
    signal.SIGINT: (signal.default_int_handler, KeyboardInterrupt),
    signal.SIGTERM: (signal.SIG_DFL, Terminated),
}


def told_at_the_next_lock(number: int) -> None:
    """Have a signal come just before the ledger's lock is taken next."""
    just_before({"fcntl.flock"}, lambda: signal.raise_signal(number))


def stopped(folder: Path, number: signal.Signals, record: Callable[[RunContext], None]) -> None:
    """Record a run that a signal ends, in a process that treats the signal as Python does."""

    def run() -> None:
        default, raised = _STOPS[number]
        signal.signal(number, default)
        with (
            EventLog.open(folder) as log,
            pytest.raises(raised),
            RunContext.start(log, pipeline="p", run_id="r") as context,
        ):
            record(context)
        assert signal.getsignal(number) is default

    assert in_fork(run) == 0


def story(folder: Path) -> list[str]:
    """Tell the run by its types, and its result."""
    with EventLog.open(folder) as log:
        events = list(log.read_run("r"))
    return [*(event.type for event in events[1:]), getattr(events[-1].data, "result", "")]


@pytest.mark.parametrize("number", _STOPS)
def test_it_waits_for_the_end_of_a_run(tmp_path: Path, number: signal.Signals) -> None:
    """All went well before; without its end the run would be presumed dead."""
    stopped(tmp_path, number, lambda _: told_at_the_next_lock(number))

    assert story(tmp_path) == ["run_ended", "success"]


@pytest.mark.parametrize("number", _STOPS)
def test_it_waits_for_the_end_of_a_stage(tmp_path: Path, number: signal.Signals) -> None:
    """The stage is done, and the run is stopped behind it."""

    def record(run: RunContext) -> None:
        with run.stage("load"):
            told_at_the_next_lock(number)

    stopped(tmp_path, number, record)

    assert story(tmp_path) == ["stage_started", "stage_completed", "run_ended", "stopped"]
