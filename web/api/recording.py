"""The log as a server writes it: opened by the first request that writes, shared by all.

A folder that cannot be written is served all the same; only who would write is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from anyio.to_thread import run_sync

from ledger import EventLog, LedgerError, NewEvent, Receipt
from ledger.errors import LedgerDamaged, LedgerReplaced, LedgerUnwritable

__all__ = ["Recording"]

_OPEN_ANEW_AFTER = (LedgerDamaged, LedgerReplaced, LedgerUnwritable)


class Recording:
    """The one log that a server appends to. Lives on one event loop."""

    def __init__(self, folder: Path, *, redact: Sequence[str] = ()) -> None:
        """Append to the log in ``folder``, once somebody does, without the text of these keys."""
        self._folder = folder
        self._redact = redact
        self._log: EventLog | None = None
        self._opening = asyncio.Lock()

    async def append(
        self, events: Sequence[NewEvent], *, expected_sequence: int | None = None
    ) -> list[Receipt]:
        """Append events as one batch; requests that come at the same time share one sync.

        Raises:
            LedgerError: what ``EventLog.open`` and ``EventLog.append`` raise.
        """
        log = self._log or await self._open()
        try:
            return await log.append_async(*events, expected_sequence=expected_sequence)
        except _OPEN_ANEW_AFTER:
            # Another request may have seen to it, and others append to the next one by now.
            if self._log is log:
                await self.close()
            raise

    async def _open(self) -> EventLog:
        async with self._opening:
            if self._log is None:
                opening = partial(EventLog.open, self._folder, redact=self._redact)
                self._log = await run_sync(opening)
            return self._log

    async def close(self) -> None:
        """Let go of the log, after what is being appended is done."""
        log, self._log = self._log, None
        if log is not None:
            # What was acknowledged is durable; what is left to fail here concerns nobody.
            with contextlib.suppress(LedgerError, OSError):
                await run_sync(log.close)
