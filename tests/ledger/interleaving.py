"""Let something happen just before a system call of this process: an interleaving without luck."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Container
from contextlib import suppress

__all__ = ["die", "in_fork", "just_before"]


def in_fork(action: Callable[[], None]) -> int:
    """Do something in a forked child, and give its exit code: an audit hook stays for good."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        action()
        code = 0
    finally:
        # It may have taken from itself what it would need to tell.
        with suppress(BaseException):
            if code:
                traceback.print_exc()
        os._exit(code)


def just_before(calls: Container[str], action: Callable[[], None]) -> None:
    """Do something once, just before the next of some system calls of this process."""
    left = [action]

    def hook(event: str, _: object) -> None:
        if event in calls and left:
            left.pop()()

    sys.addaudithook(hook)


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
