"""The three standard streams: always there, and stdout for the result alone."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["reserve_standard_streams", "stdout_goes_to_stderr"]


def reserve_standard_streams() -> None:
    """Open what of stdin, stdout and stderr was closed by whoever started us.

    Otherwise the next file that is opened takes its number, and what some child process prints
    ends up in it; that file might be the log.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is taken, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - its place says what it is
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - a number is no path, and it stays open


@contextmanager
def stdout_goes_to_stderr() -> Iterator[None]:
    """Send what stages and their children print to stderr, at once: stdout is for the result."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    _buffer_lines(wanted=True)
    try:
        yield
    finally:
        # Where stderr is gone, so are the last words.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        _buffer_lines(wanted=False)
        os.dup2(kept, 1)
        os.close(kept)


def _buffer_lines(*, wanted: bool) -> None:
    """Let lines out as they end, so that they are in order with those of child processes."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(line_buffering=wanted)
