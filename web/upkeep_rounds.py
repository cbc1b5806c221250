"""Do the rounds of a server's upkeep: soon after the log has grown, and now and then anyway."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import anyio
from anyio.to_thread import run_sync

from web.broadcast import Broadcast

__all__ = ["do_rounds"]

_logger = logging.getLogger("runfold.server")
_SHORTEST_PAUSE = 1.0
_REST, _LONGEST_REST = 10, 60.0


async def do_rounds(do_round: Callable[[], None], broadcast: Broadcast, interval: float) -> None:
    """Do a round now, soon after the log has grown, and after each interval; for ever.

    After each it rests ten times as long as that took, but never for more than a minute: with many
    open runs, a round at each second would take a tenth of the time that requests need.

    Args:
        do_round: does what is due, in a thread.
        broadcast: tells how far the log is.
        interval: seconds between rounds while nothing comes.
    """
    done, waited, rest = -1, interval, 0.0
    pause = min(_SHORTEST_PAUSE, interval)
    while True:
        position = broadcast.position
        if waited >= rest and (position != done or waited >= interval):
            began = time.monotonic()
            try:
                await run_sync(do_round)
            except Exception:
                # A bug in the upkeep must not end it, nor the server.
                _logger.exception("the upkeep of the ledger failed; it will be tried again")
            rest = min(_REST * (time.monotonic() - began), _LONGEST_REST)
            done, waited = position, 0.0
        await anyio.sleep(pause)
        waited += pause
