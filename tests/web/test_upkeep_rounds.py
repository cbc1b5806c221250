"""The upkeep of a server is done again and again, and takes little of the server's time."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio
import pytest

from web.broadcast import Broadcast, Change
from web.upkeep_rounds import do_rounds

PATIENCE = 20.0


async def rounds(
    do_round: Callable[[], None], broadcast: Broadcast, until: Callable[[], bool], interval: float
) -> None:
    """Do rounds until something holds."""
    async with anyio.create_task_group() as group:
        group.start_soon(do_rounds, do_round, broadcast, interval)
        with anyio.fail_after(PATIENCE):
            while not until():  # noqa: ASYNC110 - what happens in a thread sets no event
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()


def test_a_round_that_fails_is_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    """It is told with its traceback, and tried again after the interval."""
    done: list[int] = []

    def fail() -> None:
        done.append(1)
        raise ValueError("broken")

    anyio.run(rounds, fail, Broadcast(), lambda: len(done) > 2, 0.01)
    assert "the upkeep of the ledger failed" in caplog.text
    assert "broken" in caplog.text


def test_a_round_is_done_soon_after_the_log_has_grown() -> None:
    """Though the interval is long, and nothing is due by it."""
    broadcast = Broadcast()
    done: list[int] = []

    def grow() -> None:
        done.append(broadcast.position)
        if len(done) == 1:
            broadcast.latest = Change(0, 7)

    anyio.run(rounds, grow, broadcast, lambda: done[-1:] == [7], 3600.0)
    assert done == [0, 7]


def test_after_a_long_round_it_rests() -> None:
    """However often it is due, it takes less than a tenth of the time."""
    began = time.monotonic()
    done: list[int] = []

    def take_long() -> None:
        done.append(1)
        time.sleep(0.05)

    anyio.run(rounds, take_long, Broadcast(), lambda: time.monotonic() > began + 1.0, 0.01)
    # A slow machine makes them fewer, never more.
    assert 1 <= len(done) <= 1 + (time.monotonic() - began) / (11 * 0.05)
