"""Changes reach every listener, and no listener holds up another."""

from __future__ import annotations

import anyio
import pytest

from web.broadcast import Broadcast, Change, Subscription


def test_every_subscriber_hears_every_change_in_order() -> None:
    """Two subscribers hear the same changes, with the runs they name."""

    async def check() -> None:
        broadcast = Broadcast()
        with broadcast.subscribe() as one, broadcast.subscribe() as two:
            changes = [Change(position, ("run-1",)) for position in (1, 2, 3)]
            for change in changes:
                broadcast.publish(change)
            for each in (one, two):
                assert [await each.next() for _ in changes] == changes

    anyio.run(check)


def test_who_comes_late_hears_the_newest_position_first() -> None:
    """What was published before is told as a position alone: anything may have changed."""

    async def check() -> None:
        broadcast = Broadcast()
        broadcast.publish(Change(7, ("run-1",)))
        with broadcast.subscribe() as late:
            assert await late.next() == Change(7)
            assert await late.next(patience=0.01) is None

    anyio.run(check)


def test_a_slow_subscriber_is_dropped_and_the_others_go_on() -> None:
    """A full queue costs its owner the subscription, and nobody else anything."""

    async def check() -> None:
        broadcast = Broadcast(capacity=2)
        with broadcast.subscribe() as slow, broadcast.subscribe() as quick:
            for position in range(1, 6):
                broadcast.publish(Change(position))
                assert await quick.next() == Change(position)
            assert slow.dropped.is_set()
            assert not quick.dropped.is_set()

    anyio.run(check)


def test_closing_ends_the_subscriptions_of_now_and_later() -> None:
    """What is in a queue can still be taken; then, and for whoever comes later, it is over."""

    async def check() -> None:
        broadcast = Broadcast()
        with broadcast.subscribe() as early:
            broadcast.publish(Change(1))
            broadcast.close()
            assert await early.next() == Change(1)
            await expect_end(early)
        with broadcast.subscribe() as late:
            assert await late.next() == Change(1)
            await expect_end(late)

    anyio.run(check)


async def expect_end(subscription: Subscription) -> None:
    """Check that no more changes come."""
    with pytest.raises(anyio.EndOfStream):
        await subscription.next()
