"""Start the programs of the tests in real processes, alone or under ``strace`` with a fault."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["PATIENCE", "finish", "needs_strace", "running", "say_of", "start", "tell"]

_ROOT = Path(__file__).parents[2]

PATIENCE = 60.0
"""Seconds after which a program counts as one that will never end."""

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace injects the faults: install it"
)


def start(
    program: str, *arguments: object, fault: str | None = None, trace: Path | None = None
) -> subprocess.Popen[str]:
    """Start a program in a process of its own.

    Args:
        program: a name in ``programs.py``.
        arguments: what it is called with.
        fault: what ``strace`` shall inject, like ``fdatasync:error=EIO:when=2``; several with a
            space between.
        trace: a file that ``strace`` shall write all syncs and cuts to, with their paths.
    """
    command = [sys.executable, "-m", "tests.ledger.programs", program, *map(str, arguments)]
    if fault is not None:
        calls = ",".join(one.partition(":")[0] for one in fault.split())
        strace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}"]
        command = [*strace, *(f"--inject={one}" for one in fault.split()), *command]
    if trace is not None:
        strace = ["strace", "-f", "-y", "-qq", "-o", str(trace)]
        command = [*strace, "-e", "trace=fsync,fdatasync,ftruncate", *command]
    return subprocess.Popen(
        command,
        cwd=_ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    """Wait for a program that must end well, and give the lines it said."""
    with process:
        try:
            said, complaints = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0, complaints
    return said.splitlines()


def say_of(process: subprocess.Popen[str]) -> str:
    """Wait for the next line that a program says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    """Tell a program that waits for a line to go on."""
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()


@contextmanager
def running(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a program beside the test, and end it at the latest when the block is left."""
    with start(program, *arguments) as process:
        try:
            yield process
        finally:
            process.kill()
