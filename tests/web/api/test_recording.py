"""The one log that a server appends to is opened anew after a failure, once, for all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ledger import EventLog
from ledger.errors import LedgerUnwritable
from tests.ledger.examples import run_started
from web.api.recording import Recording


def test_who_fails_late_does_not_close_the_log_that_was_opened_since(tmp_path: Path) -> None:
    """Another request has closed the one that failed, and others append to the next by then."""

    async def fail_late() -> None:
        recording = Recording(tmp_path / "runs")
        first = recording._log = EventLog.open(tmp_path / "runs")
        late = asyncio.ensure_future(recording.append([run_started("a")]))
        await asyncio.sleep(0)
        # What a request does that failed before, and one that came after that.
        second = recording._log = EventLog.open(tmp_path / "runs")
        first.close()
        with pytest.raises(LedgerUnwritable):
            await late

        assert recording._log is second
        assert second.append(run_started("b")).position
        await recording.close()

    asyncio.run(fail_late())
