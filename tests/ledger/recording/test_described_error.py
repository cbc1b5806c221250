"""Any exception can be put into words: an attempt that failed is never lost for want of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import EventLog, RunContext
from ledger.payloads.derived import ErrorInfo
from ledger.recording.described_error import describe_error, one_line


class UnreadableNotesError(Exception):
    """Raises when it is asked for its notes."""

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override] # as a program may
        """Raise, as any property may."""
        raise KeyError("notes")


class ExitingTextError(Exception):
    """Ends the program when it is asked for its text."""

    def __str__(self) -> str:
        raise SystemExit(3)


class OddlyNamedError(Exception):
    """Has a name that UTF-8 cannot carry."""


OddlyNamedError.__qualname__ = "Odd\ud800"


def bad_syntax(*place: Any) -> SyntaxError:
    """Make the error of a parser of somebody's own, whose place is not as Python's."""
    return SyntaxError("bad", place)


def described(error: Exception) -> ErrorInfo:
    """Raise it, and put it into words."""
    with pytest.raises(type(error)) as caught:
        raise error
    return describe_error(caught.value)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (bad_syntax("a.txt", 1, 2, b"bytes"), "SyntaxError: bad (a.txt, line 1)"),
        (bad_syntax("a.txt", "x", "y", "text"), "SyntaxError: bad (a.txt)"),
        (UnreadableNotesError("bad"), "UnreadableNotesError: bad"),
        (ExitingTextError(), "ExitingTextError: <exception str() failed>"),
        (OddlyNamedError("bad"), "Odd\\ud800: bad"),
    ],
)
def test_an_exception_that_python_cannot_print_is_described(error: Exception, line: str) -> None:
    """Its class, its message and the place where it was raised are told all the same."""
    told = described(error)

    assert f"{told.type}: {told.message}" == one_line(error) == line
    assert told.traceback is not None
    assert "in described" in told.traceback
    assert told.traceback.startswith("Traceback (most recent call last):\n")


def test_a_stage_that_raises_one_is_recorded_as_failed(tmp_path: Path) -> None:
    """The attempt ends in the log, and the exception that goes on is the stage's own."""
    raised = UnreadableNotesError("bad")
    with (
        EventLog.open(tmp_path) as log,
        pytest.raises(UnreadableNotesError) as caught,
        RunContext.start(log, pipeline="nightly", run_id="r") as run,
        run.stage("load"),
    ):
        raise raised

    with EventLog.open(tmp_path) as log:
        *_, failed, ended = log.read_run("r")
    assert caught.value is raised
    assert failed.type == "stage_failed"
    reason = "Stage load failed: UnreadableNotesError: bad"
    assert getattr(ended.data, "failure_reason", None) == reason
