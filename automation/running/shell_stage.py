"""``ShellCommand``: a stage that is a shell command instead of a function.

The command finds in its environment what a function is given by its context:

- ``RUNFOLD_RUN_ID``, ``RUNFOLD_STAGE``, ``RUNFOLD_ATTEMPT`` (1 for the first try)
- ``RUNFOLD_PARAM_<NAME>`` for each parameter, the name in capitals with ``_`` for what a name of a
  variable cannot hold. Text stands as it is; anything else as JSON: ``true``, ``3``, ``null``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from automation.errors import CommandFailed
from automation.running.child_endings import endings_are_kept
from automation.running.output_tail import OutputTail
from automation.running.running_command import RunningCommand
from automation.running.stopping import StopRequest
from ledger import StageContext

__all__ = ["ShellCommand", "environment_for"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True

_NOT_IN_A_NAME = re.compile(r"[^A-Z0-9_]")


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command for ``/bin/sh``, run in the working directory of the process.

    Attributes:
        command: what the shell is to run; it has no standard input.
        grace: seconds it has after SIGTERM, when it is stopped or out of time, before SIGKILL.
    """

    command: str
    grace: float = 5.0

    def run(
        self,
        stage: StageContext,
        *,
        stop: StopRequest,
        timeout: float | None,
        show: Callable[[bytes], None],
    ) -> None:
        """Run the command as one attempt of a stage, and keep the tail of its output there.

        Args:
            stage: the attempt.
            stop: ends the command when the run is to end.
            timeout: seconds it may take; None means for ever.
            show: is given what it prints, as it comes.

        Raises:
            CommandFailed: it ended with another status than 0.
            StageTimeout: it took too long.
            KeyboardInterrupt, Terminated: the run is to end.
        """
        tail = OutputTail()

        def take(data: bytes) -> None:
            tail.take(data)
            show(data)

        try:
            with (
                endings_are_kept(),
                RunningCommand(
                    self.command,
                    environment=environment_for(stage),
                    take=take,
                    stop=stop,
                    grace=self.grace,
                ) as running,
            ):
                status = running.wait(timeout)
        finally:
            stage.output(tail.text())
        if status != 0:
            raise CommandFailed.of(status, tail.last_line())


def environment_for(stage: StageContext) -> dict[str, str]:
    """Give this process's environment, with what an attempt of a stage is to know."""
    environment = dict(os.environ)
    for name, value in stage.parameters.items():
        environment[f"RUNFOLD_PARAM_{_variable(name)}"] = _text(value)
    environment["RUNFOLD_RUN_ID"] = stage.run.run_id
    environment["RUNFOLD_STAGE"] = stage.name
    environment["RUNFOLD_ATTEMPT"] = str(stage.attempt)
    return environment


def _variable(name: str) -> str:
    return _NOT_IN_A_NAME.sub("_", name.upper())


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
