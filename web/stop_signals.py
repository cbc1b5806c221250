"""Learn of a stop before the server does its part of it.

A server that was asked to stop waits for open answers to end, and tells the app only after that. A
stream never ends by itself, so it has to hear of the signal as well.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["on_stop_signal"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Taker = Callable[[int, FrameType | None], object]


@contextmanager
def on_stop_signal(act: Callable[[], None]) -> Iterator[None]:
    """Have ``act`` called on the running loop when the server is signalled to stop.

    The server's own reaction comes first and stays as it is. Where signals are not the server's way
    to stop, or this is not the main thread, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    placed = {number: _chain(number, loop, act) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, (before, after) in placed.items():
            if after is not None and signal.getsignal(number) is after:
                signal.signal(number, before)


def _chain(
    number: int, loop: asyncio.AbstractEventLoop, act: Callable[[], None]
) -> tuple[_Taker | None, _Taker | None]:
    """Put ``act`` behind what takes the signal now; give what was there, and what is now."""
    before = signal.getsignal(number)
    if not callable(before):
        return None, None
    taker: _Taker = before

    def after(received: int, frame: FrameType | None) -> None:
        taker(received, frame)
        loop.call_soon_threadsafe(act)

    signal.signal(number, after)
    return taker, after
