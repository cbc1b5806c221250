"""SIGTERM as an exception, so that a run that is told to stop can say so before it does."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "is_stop", "sigterm_raises"]


class Terminated(SystemExit):
    """SIGTERM arrived. Uncaught, it ends the process with 143, as the signal would."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


def is_stop(error: BaseException) -> bool:
    """Tell an end from outside (interrupt, termination, cancellation) from a failure."""
    if isinstance(error, SystemExit):
        return isinstance(error, Terminated) or error.code in (None, 0)
    return isinstance(error, KeyboardInterrupt | asyncio.CancelledError | GeneratorExit)


def _raise(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Turn SIGTERM into ``Terminated`` in the main thread, where nobody else handles it."""
    mine = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if mine:
        signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
