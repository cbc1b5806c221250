"""SIGTERM and SIGHUP as an exception, so that a run that is told to stop can say so first."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "is_stop", "sigterm_raises", "stops_wait"]


class Terminated(SystemExit):
    """SIGTERM arrived, or SIGHUP. Uncaught, it ends the process with the code of the signal."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__(128 + number)


def is_stop(error: BaseException) -> bool:
    """Tell an end from outside (interrupt, termination, cancellation) from a failure."""
    if isinstance(error, BaseExceptionGroup):
        # As task groups raise it; where one of them failed, that is why the others ended.
        return all(is_stop(each) for each in error.exceptions)
    if isinstance(error, SystemExit):
        return isinstance(error, Terminated) or error.code in (None, 0)
    if isinstance(error, KeyboardInterrupt | GeneratorExit):
        return True
    # Where nobody has imported asyncio, nothing was cancelled by it.
    cancelling = sys.modules.get("asyncio")
    return cancelling is not None and isinstance(error, cancelling.CancelledError)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Terminated(number)


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Turn both into ``Terminated`` in the main thread, where nobody else handles them.

    Where the block is left in another thread, they stay so: only the main thread can take it back.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _raise)
                taken.append(number)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number in taken:
                signal.signal(number, signal.SIG_DFL)


@contextmanager
def stops_wait() -> Iterator[None]:
    """Let what a signal raises in the main thread wait for the end of the block.

    So an end that is being recorded is recorded. A handler of somebody else's is left alone.
    """
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.default_int_handler, _raise):
                before[number] = signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, raises in before.items():
            signal.signal(number, raises)
        if came:
            signal.raise_signal(came[0])
