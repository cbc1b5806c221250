"""Follow the log while the server runs: bring the read model up, then tell who listens."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from functools import partial

import anyio
from anyio.to_thread import run_sync

from ledger import LedgerError, LogReader
from ledger.errors import LedgerDamaged
from ledger.line.walk import Line
from projections import RunHistory
from projections.engine.live import positions
from web.broadcast import Broadcast, Change, ToldEvent

__all__ = ["follow", "told_events"]

_logger = logging.getLogger("runfold.server")
_TRY_AGAIN = 1.0
_REST, _LONGEST_REST = 2.0, 0.25
_MANY = 1_000


def told_events(history: RunHistory, after: int, until: int) -> tuple[ToldEvent, ...]:
    """Give what listeners hear of the events after a position; what is damaged is left out."""
    lines = _lines(history.reader, after, until)
    runs = {line.envelope.run_id for line in lines if line.envelope.run_id is not None}
    # Not of all that came since: at a log that moves, that would be projected once more for it.
    pipelines = history.pipelines_of(runs, least=until)
    return tuple(
        ToldEvent(
            line.end.position,
            line.envelope.run_id,
            line.envelope.type,
            pipelines.get(line.envelope.run_id or ""),
        )
        for line in lines
    )


def _lines(reader: LogReader, after: int, until: int) -> list[Line]:
    try:
        return list(reader.read_lines(after, until))
    except LedgerDamaged:
        sound = reader.read_sound_lines(after, until)
        return [item for item in sound if isinstance(item, Line)]


def _bring_up(history: RunHistory, before: Change | None, *, tell: bool) -> Change:
    position = history.catch_up()
    if before is None:
        return Change(position, position)
    after = before.position
    if not tell or not 0 < position - after <= _MANY:
        return Change(after, position)
    return Change(after, position, told_events(history, after, position))


async def follow(history: RunHistory, broadcast: Broadcast) -> None:
    """Publish each move of the log once the read model shows it; go on after any failure.

    After each round it rests twice as long as that took, which nobody notices while little comes.
    While much does, fewer and larger rounds leave appends time: a fifth more a second. Who
    asks for the newest is not kept waiting, as each question brings the model up itself. What the
    events were is read where somebody listens.
    """
    said: str | None = None
    while True:
        try:
            async with aclosing(positions(history.reader, asyncio.Event())) as moves:
                async for _ in moves:
                    began = time.monotonic()
                    tell = broadcast.is_listened_to
                    change = await run_sync(
                        partial(_bring_up, tell=tell), history, broadcast.latest
                    )
                    said = None
                    if broadcast.latest is None or change.position != broadcast.latest.position:
                        broadcast.publish(change)
                    took = time.monotonic() - began
                    await anyio.sleep(min(_REST * took, _LONGEST_REST))
        except Exception as error:
            # A failure that lasts is told once, not each second.
            if said != repr(error):
                said = repr(error)
                _logger.error(  # noqa: TRY400 - damage has no need of a traceback
                    "The log cannot be followed, trying again each second: %s",
                    error,
                    exc_info=not isinstance(error, LedgerError),
                )
        await anyio.sleep(_TRY_AGAIN)
