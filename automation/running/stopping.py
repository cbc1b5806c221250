"""``StopRequest``: that a run is to end now, told from any thread or by a signal.

Operations: ``request`` tells it, once or often. Whoever runs a stage asks: ``check`` raises,
``wait`` sleeps until told, and the file descriptor becomes readable for those who wait for output
too.

A signal's Python code runs between any two steps of the main thread, so nothing here takes a lock
that the interrupted code may hold: a flag, a byte in a pipe, and the interruption of the stage that
runs (see ``interruption.py``) are all there is. For the same reason a signal never raises outside a
stage: the events of the run are written to their end, Ctrl-C or not.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Self

from ledger.recording.termination import Terminated

__all__ = ["StopRequest", "Stopped", "stop_on_signals"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True

_LONGEST_POLL = 1.0

Cause = type[KeyboardInterrupt] | type[Terminated]


class Stopped(KeyboardInterrupt):
    """``stop()`` was called. What SIGINT raises is a plain ``KeyboardInterrupt``."""


class StopRequest:
    """Whether the run is to end, and who said so."""

    def __init__(self) -> None:
        self._cause: Cause | None = None
        self._interrupt: Callable[[], None] | None = None
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    @property
    def requested(self) -> bool:
        """Whether anybody told the run to end."""
        return self._cause is not None

    def fileno(self) -> int:
        """Give the descriptor that is readable from the request on."""
        return self._reader

    def request(self, cause: Cause = Stopped) -> None:
        """Tell the run to end, and interrupt the stage that runs.

        The first cause stands, except that a signal takes precedence over ``stop()``: it is for
        the whole process.
        """
        if self._cause is None or self._cause is Stopped:
            self._cause = cause
        # A full pipe is readable already; a closed one belongs to a run that is over.
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._writer, b"\0")
        interrupt = self._interrupt
        if interrupt is not None:
            interrupt()

    def check(self) -> None:
        """Raise what the cause raises, if the run is to end.

        Raises:
            Stopped: by ``stop()``.
            KeyboardInterrupt: by SIGINT.
            Terminated: by SIGTERM.
        """
        if self._cause is not None:
            raise self._cause

    def replace(self, error: BaseException) -> None:
        """Raise what the cause raises in place of ``error``, if the run is to end."""
        if self._cause is not None and type(error) is not self._cause:
            raise self._cause from error

    def check_signal(self) -> None:
        """Raise as ``check`` does, but only what a signal caused."""
        if self._cause is not Stopped:
            self.check()

    def wait(self, seconds: float) -> None:
        """Sleep, or raise as ``check`` does as soon as the run is to end."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while seconds > 0 and not self.requested:
            # A signal that comes in the moment before the poll does not wake it.
            step = min(seconds, _LONGEST_POLL)
            poll.poll(step * 1000)
            seconds -= step
        self.check()

    @contextlib.contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Have ``interrupt`` called upon a request, from here to the end of the block."""
        self._interrupt = interrupt
        try:
            self.check()
            yield
        finally:
            self._interrupt = None

    def __enter__(self) -> Self:
        """Give the request itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the pipe. A request that comes later does nothing."""
        reader, writer = self._reader, self._writer
        self._reader = self._writer = -1
        os.close(writer)
        os.close(reader)


@contextlib.contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP tell a run of the main thread to end.

    Where somebody else handles or ignores one of them, it is left alone; in another thread all
    are, since Python gives signals to the main thread only.
    """
    owner = os.getpid()

    def told(number: int, _frame: FrameType | None) -> None:
        if os.getpid() != owner:
            _end_child(number)
        stop.request(KeyboardInterrupt if number == signal.SIGINT else Terminated)

    taken = {}
    if threading.current_thread() is threading.main_thread():
        defaults = (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
            (signal.SIGHUP, signal.SIG_DFL),
        )
        for number, default in defaults:
            if signal.getsignal(number) is default:
                taken[number] = signal.signal(number, told)
    try:
        yield
    finally:
        for number, before in taken.items():
            signal.signal(number, before)


def _end_child(number: int) -> None:
    """Do in a forked child, which inherits the run's handlers, what the signal does by default."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
