"""What the headers of an answer say of the log: which position it reflects, and what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger import LedgerError
from ledger.reading.sound_reading import OutOfReach
from projections import RunHistory
from projections.read_model.degraded import Degraded, degraded_text
from projections.read_model.out_of_reach import ranges_text

__all__ = ["PositionHeader", "position_header", "view_header"]

_POSITION = "X-Ledger-Position"


def position_header(
    position: int,
    out_of_reach: Sequence[OutOfReach] = (),
    degraded: Sequence[Degraded] = (),
) -> Mapping[str, str]:
    """Say which position an answer reflects, and what it lacks.

    Args:
        position: that position.
        out_of_reach: ranges up to there that cannot be read.
        degraded: projections that went on without an event they could not take.
    """
    headers = {_POSITION: str(position)}
    lacks = {
        "X-Ledger-Damaged": ranges_text(out_of_reach),
        "X-Ledger-Degraded": degraded_text(degraded),
    }
    return headers | {name: text for name, text in lacks.items() if text}


def view_header(history: RunHistory, position: int) -> Mapping[str, str]:
    """Say which position an answer of the view reflects, and what the view lacks now."""
    return position_header(position, history.out_of_reach(), history.degraded())


class PositionHeader:
    """Says the position of the log in each answer that does not say itself which it reflects."""

    def __init__(self, app: ASGIApp, position: Callable[[], int]) -> None:
        self._app = app
        self._position = position

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the position."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_position(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if _POSITION not in headers:
                    # A log that cannot be read has none.
                    with suppress(LedgerError, OSError):
                        headers[_POSITION] = str(self._position())
            await send(message)

        await self._app(scope, receive, send_with_position)
