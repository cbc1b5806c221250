"""A run whose start is interrupted goes on for nobody: it has ended, or was never there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import EventLog, RunContext
from ledger.events import RunEnded
from tests.ledger.processes import finish, start

WRITTEN = [("run_started", 1), ("run_ended", 2)]


@pytest.mark.parametrize(("moment", "recorded"), [("unwritten", []), ("unsynced", WRITTEN)])
def test_an_interrupted_start_leaves_no_run_that_seems_to_live(
    tmp_path: Path, moment: str, recorded: list[tuple[str, int]]
) -> None:
    """Before the write there is no run; after it, before anybody knew, one that was stopped."""
    assert finish(start("start_interrupted", tmp_path, "r", moment)) == ["interrupted"]

    with EventLog.open(tmp_path) as log:
        events = list(log.read_run("r"))
    assert [(event.type, event.sequence) for event in events] == recorded
    ends = [event.data for event in events if isinstance(event.data, RunEnded)]
    assert [end.result for end in ends] == ["stopped"] * (len(recorded) // 2)
    assert not list((tmp_path / "writers").iterdir())


def test_an_interrupted_start_ends_no_other_run_of_its_id(tmp_path: Path) -> None:
    """A run of that id that lies in the log already is left as it is."""
    with EventLog.open(tmp_path) as log:
        RunContext.start(log, pipeline="nightly", run_id="r")
    (tmp_path / "writers" / "r").unlink()

    assert finish(start("start_interrupted", tmp_path, "r", "unwritten")) == ["interrupted"]

    with EventLog.open(tmp_path) as log:
        assert [event.type for event in log.read_run("r")] == ["run_started"]


def test_a_start_that_was_not_confirmed_has_failed(tmp_path: Path) -> None:
    """Where its sync fails the caller gets the error, and the run has ended by it."""
    assert finish(start("start_without_sync", tmp_path, "r")) == ["unknown"]

    with EventLog.open(tmp_path) as log:
        started, ended = log.read_run("r")
    assert (started.type, ended.type) == ("run_started", "run_ended")
    assert "did not confirm" in getattr(ended.data, "failure_reason", "")
