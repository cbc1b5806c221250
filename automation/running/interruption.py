"""End a Python stage from outside, by raising an exception inside it, where it runs.

Python has three ways in, and each call takes the one that reaches it:

- In the main thread a signal handler raises. Signals also end what blocks there (``time.sleep``,
  a lock, a socket), so nearly every stage ends at once. The signal is SIGURG, which does nothing
  where nobody waits for it; so one that comes too late is harmless. One that comes in the moment
  before a call blocks does not end it, so the signal is sent until its handler has run.
- In another thread the interpreter raises at the next bytecode (``PyThreadState_SetAsyncExc``).
- An async stage has its task cancelled, in any thread.

The limit: a call into C that neither returns nor minds signals (and in other threads than the main
one, any call that blocks) ends first. So does a coroutine that blocks its event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import inspect
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from types import AsyncGeneratorType, FrameType, GeneratorType

__all__ = ["InterruptibleCall", "StageInterrupted"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True


_SEND_AGAIN = 0.05


class StageInterrupted(KeyboardInterrupt):
    """Raised inside a stage that is to end, because of a stop or a timeout.

    It is a ``KeyboardInterrupt`` so that ``except Exception`` in a stage does not swallow it.
    """


def _nothing() -> None:
    """Stand for a call that is not running."""


class InterruptibleCall:
    """One call of a stage's function, which any thread and any signal handler may interrupt."""

    def __init__(self, function: Callable[[], object]) -> None:
        """Be ready to call ``function``."""
        self._function = function
        self._wanted = False
        self._armed = False
        self._reached = False
        # Reentrant: a signal may come while its own thread is interrupting another one's stage.
        self._guard = threading.RLock()
        self._interrupt: Callable[[], None] = _nothing

    def interrupt(self) -> None:
        """End the call. Before it runs, this ends it as soon as it would; after it, nothing."""
        self._wanted = True
        self._interrupt()

    def run(self) -> None:
        """Call the function; where it gives an awaitable, wait for that in an event loop.

        Raises:
            StageInterrupted: it was interrupted.
            asyncio.CancelledError: it was interrupted, and is async.
            TypeError: it gave a generator, which nobody would run.
        """
        in_main = threading.current_thread() is threading.main_thread()
        # Python tells SIG_DFL also where the default action is to ignore the signal.
        if in_main and signal.getsignal(signal.SIGURG) in (signal.SIG_DFL, signal.SIG_IGN):
            result = self._call_in_main_thread()
        else:
            result = self._call_in_other_thread()
        if inspect.isawaitable(result):
            asyncio.run(self._wait_for(result))
        elif _is_left_to_run(result):
            message = "it gave a generator, which nobody runs: loop over it in the stage"
            raise TypeError(message)

    def _begin(self) -> object:
        """Call the function, unless an interruption came before its way in was open."""
        self._armed = True
        if self._wanted:
            raise StageInterrupted
        return self._function()

    def _call_in_main_thread(self) -> object:
        def deliver(_number: int, _frame: FrameType | None) -> None:
            self._reached = True
            if self._armed:
                raise StageInterrupted

        before = signal.signal(signal.SIGURG, deliver)
        self._interrupt = functools.partial(self._signal, threading.get_ident())
        try:
            try:
                return self._begin()
            finally:
                self._armed = False
        finally:
            # Twice: the signal may have come on the line above.
            self._armed = False
            self._interrupt = _nothing
            signal.signal(signal.SIGURG, before)

    def _signal(self, main: int) -> None:
        """Make the handler run in the main thread; a signal handler there needs no second try."""
        if threading.get_ident() == main:
            signal.raise_signal(signal.SIGURG)
            return
        self._reached = False
        threading.Thread(target=self._send, args=(main,), daemon=True).start()

    def _send(self, main: int) -> None:
        while self._armed and not self._reached:
            signal.pthread_kill(main, signal.SIGURG)
            time.sleep(_SEND_AGAIN)

    def _call_in_other_thread(self) -> object:
        self._interrupt = functools.partial(self._raise_in, threading.get_ident())
        try:
            try:
                return self._begin()
            finally:
                self._disarm()
        finally:
            # Twice: the exception may have come while disarming.
            self._disarm()
            self._interrupt = _nothing

    def _raise_in(self, thread: int) -> None:
        with self._guard:
            if self._armed:
                _set_async_exception(thread, StageInterrupted)

    def _disarm(self) -> None:
        """Let nothing more in, and take back what has not been raised yet."""
        with self._guard:
            self._armed = False
            _set_async_exception(threading.get_ident(), None)

    async def _wait_for(self, awaitable: Awaitable[object]) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def cancel() -> None:
            # The loop may have closed in the meantime: then there is nothing left to cancel.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel if task else _nothing)

        self._interrupt = cancel
        try:
            if self._wanted:
                cancel()
            await awaitable
        finally:
            self._interrupt = _nothing


def _is_left_to_run(result: object) -> bool:
    """Tell whether it is a generator that nobody has asked for anything yet."""
    if isinstance(result, GeneratorType):
        return inspect.getgeneratorstate(result) == inspect.GEN_CREATED
    # Before 3.12 Python tells of these only whether they have ended.
    return isinstance(result, AsyncGeneratorType) and result.ag_frame is not None


def _set_async_exception(thread: int, error: type[BaseException] | None) -> None:
    """Have the interpreter raise ``error`` in a thread at its next bytecode; None takes it back."""
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
