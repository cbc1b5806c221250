"""Tell many listeners how far the log is, and wait for none of them.

A listener says what it was told last, and waits until there is more. So nothing queues up for one
that is slow: it takes the next time all that it has missed, or, where that is not kept any more,
reads it from the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import anyio

__all__ = ["Broadcast", "Change", "ToldEvent"]

_KEPT = 256
_AT_ONCE = 1_000


class ToldEvent(NamedTuple):
    """What listeners hear of an event; the event itself is asked for."""

    position: int
    run_id: str | None
    type: str
    pipeline: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The log has grown.

    Attributes:
        after: from behind this position.
        position: to this one.
        events: what came in between; None where that is too much, or nobody waited for it.
    """

    after: int
    position: int
    events: tuple[ToldEvent, ...] | None = None


class Broadcast:
    """Passes each change to whoever listens. Lives on one event loop."""

    def __init__(self) -> None:
        self.latest: Change | None = None
        self.is_closed = False
        self._kept: deque[Change] = deque(maxlen=_KEPT)
        self._moved = anyio.Event()
        self._waiting = 0

    @property
    def is_listened_to(self) -> bool:
        """Whether somebody waits to be told; who is just busy may ask for what it missed."""
        return self._waiting > 0

    @property
    def position(self) -> int:
        """The last position that was told; 0 where none was yet."""
        return self.latest.position if self.latest else 0

    def publish(self, change: Change) -> None:
        """Tell of a change. One that does not follow the last begins anew."""
        if change.after != self.position:
            self._kept.clear()
        self.latest = change
        self._kept.append(change)
        self._wake()

    async def beyond(self, position: int, *, patience: float) -> bool:
        """Wait until there is more than up to a position; tell whether it came in time."""
        self._waiting += 1
        try:
            with anyio.move_on_after(patience):
                while self.position <= position and not self.is_closed:
                    await self._moved.wait()
        finally:
            self._waiting -= 1
        return self.position > position

    def since(self, position: int) -> Sequence[Change] | None:
        """Give changes that follow a position, but not too much; None where none is kept."""
        latest = self.latest
        if latest is not None and latest.after == position and latest.events is not None:
            # What all but a slow listener lack.
            return (latest,)
        found: list[Change] = []
        count = 0
        for change in self._kept:
            if change.after >= position:
                if change.events is None or count > _AT_ONCE:
                    break
                found.append(change)
                count += len(change.events)
        return found if found and found[0].after == position else None

    def close(self) -> None:
        """Let nobody wait any more: there will be no more to hear."""
        self.is_closed = True
        self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, anyio.Event()
        moved.set()
