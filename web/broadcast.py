"""Tell many listeners what has changed, and wait for none of them.

Each subscriber has a short queue. One that lets it fill up is dropped, so that a slow client costs
little and holds nobody up; it comes back, and learns the newest position first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

__all__ = ["Broadcast", "Change", "Subscription"]

_CAPACITY = 32


@dataclass(frozen=True, slots=True)
class Change:
    """The log has grown: up to where, and the runs that changed; None where those are too many."""

    position: int
    runs: tuple[str, ...] | None = None


class Subscription:
    """One listener's queue of changes."""

    def __init__(self, capacity: float) -> None:
        streams = anyio.create_memory_object_stream[Change](capacity)
        self._send: MemoryObjectSendStream[Change] = streams[0]
        self._receive: MemoryObjectReceiveStream[Change] = streams[1]
        self.dropped = anyio.Event()

    def offer(self, change: Change) -> bool:
        """Put a change into the queue; tell whether there was room."""
        try:
            self._send.send_nowait(change)
        except anyio.WouldBlock:
            self.dropped.set()
            return False
        return True

    def end(self) -> None:
        """Let no more changes come; those in the queue may still be taken."""
        self._send.close()

    def close(self) -> None:
        """Let go of the queue."""
        self._send.close()
        self._receive.close()

    async def next(self, patience: float = math.inf) -> Change | None:
        """Wait for the next change; None when none came in time.

        Raises:
            anyio.EndOfStream: no more will come.
        """
        with anyio.move_on_after(patience):
            return await self._receive.receive()
        return None


class Broadcast:
    """Passes each change to all subscribers. Lives on one event loop."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        """Give each subscriber a queue of ``capacity`` changes."""
        self._capacity = capacity
        self._subscriptions: set[Subscription] = set()
        self._closed = False
        self.latest: Change | None = None

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Listen; the newest position, where it is known, is the first thing heard."""
        subscription = Subscription(self._capacity)
        if self.latest is not None:
            subscription.offer(Change(self.latest.position))
        if self._closed:
            subscription.end()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            subscription.close()

    def publish(self, change: Change) -> None:
        """Pass a change on, and drop those who have not taken the earlier ones."""
        self.latest = change
        full = {each for each in self._subscriptions if not each.offer(change)}
        self._subscriptions -= full

    def close(self) -> None:
        """End all subscriptions, those that come later too."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()
