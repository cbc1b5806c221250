"""A process group as one thing: send it a signal, and tell whether any of it still runs."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["any_runs", "send_signal"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True

_PROC = Path("/proc")
_DEAD = frozenset({b"Z", b"X"})


def send_signal(group: int, number: int) -> bool:
    """Send a signal to all of a group; tell whether there was anybody to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def any_runs(group: int) -> bool:
    """Tell whether any process of a group still runs.

    One that is dead but was not waited for does not count: an orphan is waited for by process 1,
    which in a container may take its time, or never do it.
    """
    if not send_signal(group, 0):
        return False
    # Where there is no /proc the system's answer stands.
    return not _PROC.is_dir() or any(_runs_in(group, path) for path in _PROC.glob("[0-9]*/stat"))


def _runs_in(group: int, stat: Path) -> bool:
    try:
        # Its second field is the program's name in brackets, which may hold anything.
        state, _, its_group = stat.read_bytes().rpartition(b")")[2].split()[:3]
    except (OSError, ValueError):
        return False
    return int(its_group) == group and state not in _DEAD
