"""A check of a log in a process of its own, and what that tells on its way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ledger.integrity.verify import Verification

__all__ = ["Told", "start_check", "told_by"]


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of what a check tells.

    Attributes:
        checked: how many positions so far.
        of: of how many.
        verification: what it came to; None before the end.
        problem: why it came to nothing; empty where it did.
    """

    checked: int = 0
    of: int = 0
    verification: Verification | None = None
    problem: str = ""


def start_check(folder: Path) -> subprocess.Popen[bytes]:
    """Start to check the log in a folder."""
    return subprocess.Popen(  # noqa: S603 - this interpreter, and a folder that is ours
        # The code that is running here, whatever lies in the folder that it was started in.
        [sys.executable, "-P", "-m", "ledger.integrity", str(folder.absolute())],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def told_by(process: subprocess.Popen[bytes]) -> Iterator[Told]:
    """Yield what a check tells until it ends; the last one has an outcome, in any case."""
    told = Told()
    with process:
        for line in process.stdout or ():
            # One that was killed may have told a line in part.
            if line.endswith(b"\n"):
                told = msgspec.json.decode(line, type=Told)
                yield told
    if told.verification is None and not told.problem:
        yield Told(problem=f"The check ended with {process.returncode} before it was done.")
