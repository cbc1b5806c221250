"""Watch the log from an event loop: tell when there is more, within a fraction of a second.

The file watcher is a hint. It stays silent on some file systems and may not start at all, so the
mark is polled too. Each watcher takes a thread: a server has one and tells its listeners.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from watchfiles import awatch

from ledger import LogReader

__all__ = ["positions"]

_POLL = 0.25


async def positions(reader: LogReader, stop: asyncio.Event) -> AsyncGenerator[int, None]:
    """Yield the durable position, now and whenever it has moved, until ``stop`` is set."""
    hint = asyncio.Event()
    watcher = asyncio.create_task(_watch(reader, hint))
    last = -1
    try:
        while not stop.is_set():
            position = await asyncio.to_thread(lambda: reader.position)
            if position != last:
                last = position
                yield position
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hint.wait(), _POLL)
            hint.clear()
    finally:
        watcher.cancel()
        # Whatever it ended with: the folder is gone, the system has no watch left for it.
        await asyncio.gather(watcher, return_exceptions=True)


async def _watch(reader: LogReader, hint: asyncio.Event) -> None:
    """Set the hint when the lock file, which keeps the mark, was written to."""
    # Not the caller's event: awatch sets the one it is given when it is cancelled.
    stop = asyncio.Event()
    changes = awatch(reader.folder.path, recursive=False, step=5, debounce=50, stop_event=stop)
    async for _ in changes:
        hint.set()
