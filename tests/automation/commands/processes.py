"""Run the real command line in a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["RUNFOLD", "runfold", "start"]

RUNFOLD = Path(sys.executable).parent / "runfold"


def _environment() -> dict[str, str]:
    """Give an environment as people have it: nothing set for us, and Python's own buffering."""
    ours = ("RUNFOLD_", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def start(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start the command line; SIGINT is not ignored in it, whoever started the tests."""
    return subprocess.Popen(
        [RUNFOLD, *map(str, arguments)],
        cwd=cwd,
        env={**_environment(), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_take_interrupts,  # noqa: PLW1509 - it only sets a signal's disposition
    )


def _take_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def runfold(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    process = start(*arguments, cwd=cwd, **environment)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out.decode(), err.decode())
