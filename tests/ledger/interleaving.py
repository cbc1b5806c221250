"""Let something happen just before a system call of this process: an interleaving without luck."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Container
from contextlib import suppress
from types import FrameType

__all__ = ["at_call", "die", "fork_just_before", "in_fork", "interrupt", "just_before"]

_LONGEST = 30


def in_fork(action: Callable[[], None]) -> int:
    """Do something in a forked child, and give its exit code: an audit hook stays for good."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    # Ends it where it waits for ever.
    signal.alarm(_LONGEST)
    try:
        action()
        code = 0
    finally:
        # It may have taken from itself what it would need to tell.
        with suppress(BaseException):
            if code:
                traceback.print_exc()
        os._exit(code)


def just_before(calls: Container[str], action: Callable[[], object]) -> None:
    """Do something once, just before the next of some system calls of this process."""
    left = [action]

    def hook(event: str, _: object) -> None:
        if event in calls and left:
            left.pop()()

    sys.addaudithook(hook)


def fork_just_before(calls: Container[str]) -> list[int]:
    """Fork a child, as another thread may, just before the next of some system calls.

    It does nothing, but has open what this process had, until somebody kills it. Gives its process
    id, once there is one.
    """
    children: list[int] = []

    def fork() -> None:
        child = os.fork()
        if not child:
            signal.alarm(_LONGEST)
            signal.pause()
            os._exit(0)
        children.append(child)

    just_before(calls, fork)
    return children


def at_call(function: Callable[..., object], action: Callable[[], object]) -> None:
    """Do something once, when this thread next calls a function of Python's.

    Only in a process of its own: in one that had run other tests before, Python 3.11 was seen to
    trace one call for ever.
    """

    def trace(frame: FrameType, _event: str, _: object) -> None:
        if frame.f_code is function.__code__:
            sys.settrace(None)
            action()

    sys.settrace(trace)


def interrupt() -> None:
    """Interrupt this process as Ctrl-C does."""
    signal.raise_signal(signal.SIGINT)


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
