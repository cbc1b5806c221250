"""What the errors say."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from automation.errors import (
    AutomationError,
    BadArgument,
    CannotListen,
    CommandFailed,
    ExtraMissing,
    OrchestratorBusy,
    PipelineError,
    RunIdAmbiguous,
    RunNotFound,
    RunNotStarted,
    StageTimeout,
    TokenNotFound,
    TokensUnusable,
    UnknownPipeline,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PipelineError("stage a: retries", "wrong"), "stage a: retries: wrong"),
        (PipelineError("name", "wrong", "p.toml"), "p.toml: name: wrong"),
        (UnknownPipeline("x", ("a", "b")), "there is no pipeline 'x': name a TOML file, or one of"),
        (
            RunNotFound("r", Path("/d")),
            "there is no run 'r' in /d; runfold runs lists those that there are",
        ),
        (
            RunNotStarted("r", Path("/d"), datetime(2026, 1, 15, 10, tzinfo=UTC)),
            "at 2026-01-15T10:00",
        ),
        (RunNotStarted("r", Path("/d"), None), "run 'r' had not started then"),
        (RunIdAmbiguous("r", ("r1", "r2")), "several runs begin with 'r': r1, r2"),
        (BadArgument("--param", "wrong"), "--param: wrong"),
        (CannotListen("::1", 80, "taken"), "cannot listen on ::1, port 80: taken"),
        (ExtraMissing("typer", "run"), "this brings it: pip install 'runfold[run]'"),
        (TokenNotFound("ab", Path("/t")), "there is no token 'ab' in /t; runfold token list shows"),
        (TokensUnusable(Path("/t"), "wrong"), "the tokens in /t: wrong"),
        (OrchestratorBusy(Path("/d")), "this orchestrator of /d is running a pipeline already"),
        (StageTimeout(1.50), "took longer than 1.5 s"),
    ],
)
def test_an_error_says_what_and_where(error: AutomationError, text: str) -> None:
    """The text of an error is made from its data."""
    assert text in str(error)


@pytest.mark.parametrize(
    ("returncode", "line", "text"),
    [
        (3, "", "exit status 3"),
        (3, "no such table", "exit status 3: no such table"),
        (-signal.SIGSEGV, "", "killed by SIGSEGV"),
        (-signal.SIGKILL, "at row 7", "killed by SIGKILL: at row 7"),
        (-(signal.SIGRTMIN + 5), "", f"killed by signal {signal.SIGRTMIN + 5}"),
    ],
)
def test_a_failed_command_says_how_it_ended(returncode: int, line: str, text: str) -> None:
    """The exit status or the signal comes first, then the last line of the output."""
    assert str(CommandFailed.of(returncode, line)) == text
