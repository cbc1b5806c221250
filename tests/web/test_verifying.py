"""Checks of the whole log that a server makes: one at a time, and ended with the server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from tests.web.serving import GENEROUS, new_ledger
from web.verifying import Verifying

BEGIN = datetime(2026, 1, 15, tzinfo=UTC)


def test_one_check_at_a_time(tmp_path: Path) -> None:
    """While one goes on, no other is begun; afterwards its verdict is kept, and one may begin."""
    ticks = count()
    verifying = Verifying(
        new_ledger(tmp_path / "runs"), clock=lambda: BEGIN + timedelta(seconds=next(ticks))
    )
    assert verifying.start()
    assert not verifying.start()
    assert verifying.state.began == BEGIN
    assert verifying.wait(GENEROUS)
    verdict = verifying.state.last
    assert verdict is not None
    assert verdict.found is not None
    assert (verdict.found.sound, verdict.found.position, verdict.seconds) == (True, 1, 1.0)
    assert verifying.start()
    assert verifying.state.last is verdict
    verifying.close()


def test_a_check_ends_with_the_server(tmp_path: Path) -> None:
    """Who closes ends the process, which is then said to have come to nothing; twice is fine."""
    verifying = Verifying(new_ledger(tmp_path / "runs"))
    verifying.close()
    verifying.start()
    verifying.close()
    verifying.close()
    assert not verifying.state.is_running
    verdict = verifying.state.last
    assert verdict is not None
    assert verdict.problem == "The check ended with -9 before it was done."
