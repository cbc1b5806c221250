"""Follow the log while the server runs: bring the read model up, then tell who listens."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

import anyio
from anyio.to_thread import run_sync

from ledger import LedgerError, LogReader
from projections import RunHistory
from projections.live import positions
from web.broadcast import Broadcast, Change

__all__ = ["changed_runs", "follow"]

_logger = logging.getLogger("runfold.server")
_TRY_AGAIN = 1.0
_MANY = 1_000


def changed_runs(reader: LogReader, after: int, until: int) -> tuple[str, ...] | None:
    """Name the runs with events after a position; None where it would take long to find out."""
    if not 0 < until - after <= _MANY:
        return None
    named = (line.envelope.run_id for line in reader.read_lines(after, until))
    return tuple(dict.fromkeys(run_id for run_id in named if run_id is not None))


def _bring_up(history: RunHistory, before: Change | None) -> Change:
    position = history.catch_up()
    if before is None:
        return Change(position)
    return Change(position, changed_runs(history.reader, before.position, position))


async def follow(history: RunHistory, broadcast: Broadcast) -> None:
    """Publish each move of the log once the read model shows it; go on after any failure."""
    said: str | None = None
    while True:
        try:
            async with aclosing(positions(history.reader, asyncio.Event())) as moves:
                async for _ in moves:
                    change = await run_sync(_bring_up, history, broadcast.latest)
                    said = None
                    if broadcast.latest is None or change.position != broadcast.latest.position:
                        broadcast.publish(change)
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
