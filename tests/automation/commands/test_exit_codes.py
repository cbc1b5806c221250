"""Which exit code an error comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.commands.exit_codes import exit_code_of
from automation.errors import (
    BadArgument,
    ExtraMissing,
    PipelineError,
    RunIdAmbiguous,
    RunNotFound,
    RunNotStarted,
    UnknownPipeline,
)
from ledger.errors import (
    EventTooLarge,
    InvalidEvent,
    LedgerDamaged,
    LedgerNotFound,
    LedgerReplaced,
    LedgerUnwritable,
    LockTimeout,
    SequenceConflict,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LedgerUnwritable(Path(), ""), 1),
        (LockTimeout(Path(), 1.0, None), 1),
        (ExtraMissing("typer", "run"), 1),
        (PermissionError(), 1),
        (InvalidEvent("run id", ""), 2),
        (EventTooLarge("batch", ""), 2),
        (SequenceConflict("r", 0, 1), 2),
        (PipelineError("name", ""), 2),
        (UnknownPipeline("x", ()), 2),
        (BadArgument("--param", ""), 2),
        (RunIdAmbiguous("r", ()), 2),
        (LedgerNotFound(Path()), 3),
        (RunNotFound("r", Path()), 3),
        (RunNotStarted("r", Path(), None), 3),
        (LedgerDamaged("", 1, 1, ""), 4),
        (LedgerReplaced(Path(), ""), 4),
    ],
)
def test_each_error_has_its_code(error: Exception, code: int) -> None:
    """A kind of error that is not named has the code of the kind it belongs to."""
    assert exit_code_of(error) == code


def test_an_error_that_nobody_foresaw_has_none() -> None:
    """It is a mistake in the program, and shall show where."""
    assert exit_code_of(ZeroDivisionError()) is None
