"""See how a child ends, also where whoever started this process had it ignore SIGCHLD.

The system then forgets each child as it ends, and ``subprocess`` takes its status for 0: a command
that failed would be recorded as a success.
"""

from __future__ import annotations

import contextlib
import errno
import signal
import threading
from collections.abc import Iterator

__all__ = ["endings_are_kept"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True


@contextlib.contextmanager
def endings_are_kept() -> Iterator[None]:
    """Have the system keep the status of a child until it is asked for, to the end of the block.

    Raises:
        ChildProcessError: SIGCHLD is ignored, and only the main thread could change that.
    """
    if signal.getsignal(signal.SIGCHLD) is not signal.SIG_IGN:
        yield
        return
    if threading.current_thread() is not threading.main_thread():
        reason = "SIGCHLD is ignored, so nobody learns how a command ends: set it to SIG_DFL"
        raise ChildProcessError(errno.ECHILD, reason)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
