"""Write to a connection in one piece what is written in one step: an answer's head and its body.

uvicorn writes them one after the other, and each is a call of the system, a packet, and a wake-up
of whoever reads: most of what a small answer costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

__all__ = ["InOnePiece"]

_MUCH = 64 * 1024


class InOnePiece:
    """A transport that holds back what is written until the step of the event loop is over.

    What is much is passed on at once, so that a reader who is slow slows down the one who writes.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Write to ``transport``, which lives on ``loop``."""
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Write bytes, together with what was written just before and is written right after."""
        if not self._held:
            self._loop.call_soon(self._pass_on)
        self._held.append(data)
        self._size += len(data)
        if self._size >= _MUCH:
            self._pass_on()

    def writelines(self, pieces: Sequence[bytes]) -> None:
        """Write all that there is to write, now."""
        self._held.extend(pieces)
        self._pass_on()

    def close(self) -> None:
        """Close the connection when all is written."""
        self._pass_on()
        self._transport.close()

    def _pass_on(self) -> None:
        held, self._held, self._size = self._held, [], 0
        # Whoever reads may be gone by now.
        if held and not self._transport.is_closing():
            self._transport.writelines(held)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a transport has
        """Be the transport in everything else."""
        return getattr(self._transport, name)
