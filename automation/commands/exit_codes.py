"""Which exit code an error of ours comes to; one table, so that all commands agree."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from automation.errors import (
    AutomationError,
    BadArgument,
    FailureAmbiguous,
    FailureNotFound,
    ImportRefused,
    PipelineError,
    RunIdAmbiguous,
    RunNotFound,
    SettingsInvalid,
    UnknownPipeline,
)
from ledger.errors import (
    BadEvidence,
    BadLine,
    InvalidEvent,
    KeyNotFound,
    KeyRefused,
    LedgerDamaged,
    LedgerError,
    LedgerNotFound,
    LedgerReplaced,
    SequenceConflict,
)
from projections.errors import AsOfNotReached, NoEarlierSuccess, ReadModelOfAnotherLog

__all__ = ["ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """What a command says by its exit code."""

    FINE = 0
    WRONG = 1
    USAGE = 2
    NOT_FOUND = 3
    DAMAGED = 4
    STOPPED = 130


_CODES: Mapping[type[Exception], ExitCode] = {
    BadArgument: ExitCode.USAGE,
    BadEvidence: ExitCode.USAGE,
    FailureAmbiguous: ExitCode.USAGE,
    ImportRefused: ExitCode.USAGE,
    InvalidEvent: ExitCode.USAGE,
    KeyRefused: ExitCode.USAGE,
    PipelineError: ExitCode.USAGE,
    RunIdAmbiguous: ExitCode.USAGE,
    SequenceConflict: ExitCode.USAGE,
    SettingsInvalid: ExitCode.USAGE,
    UnknownPipeline: ExitCode.USAGE,
    AsOfNotReached: ExitCode.NOT_FOUND,
    FailureNotFound: ExitCode.NOT_FOUND,
    KeyNotFound: ExitCode.NOT_FOUND,
    LedgerNotFound: ExitCode.NOT_FOUND,
    NoEarlierSuccess: ExitCode.NOT_FOUND,
    RunNotFound: ExitCode.NOT_FOUND,
    BadLine: ExitCode.DAMAGED,
    LedgerDamaged: ExitCode.DAMAGED,
    LedgerReplaced: ExitCode.DAMAGED,
    ReadModelOfAnotherLog: ExitCode.DAMAGED,
    AutomationError: ExitCode.WRONG,
    LedgerError: ExitCode.WRONG,
    OSError: ExitCode.WRONG,
}


def exit_code_of(error: Exception) -> ExitCode | None:
    """Give the exit code of an error; None for one that nobody foresaw."""
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), None)
