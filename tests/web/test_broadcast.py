"""Changes reach every listener, and no listener holds up another."""

from __future__ import annotations

import anyio

from web.broadcast import Broadcast, Change, ToldEvent

PATIENCE = 20.0


def change(after: int, position: int) -> Change:
    """Make a change with an event at each position."""
    places = range(after + 1, position + 1)
    return Change(after, position, tuple(ToldEvent(place, "run-1", "x") for place in places))


def test_listeners_wait_until_there_is_more_than_they_were_told() -> None:
    """Two listeners wake at a change; one that was told of it already goes on waiting."""
    broadcast = Broadcast()
    woken: list[int] = []

    async def listen(told: int) -> None:
        if await broadcast.beyond(told, patience=PATIENCE):
            woken.append(told)

    async def check() -> None:
        async with anyio.create_task_group() as group:
            for told in (0, 2):
                group.start_soon(listen, told)
            await anyio.wait_all_tasks_blocked()
            broadcast.publish(change(0, 3))
        assert sorted(woken) == [0, 2]
        assert not await broadcast.beyond(3, patience=0.01)

    anyio.run(check)


def test_what_was_missed_is_given_in_order() -> None:
    """A listener that was not looking gets all changes since, each once."""
    broadcast = Broadcast()
    changes = [change(0, 2), change(2, 3), change(3, 7)]
    for each in changes:
        broadcast.publish(each)
    assert broadcast.since(0) == changes
    assert broadcast.since(2) == changes[1:]


def test_what_is_not_kept_has_to_be_read() -> None:
    """Within a change, before a gap, where events are not named, and for nothing, there is None."""
    broadcast = Broadcast()
    broadcast.publish(change(0, 4))
    assert broadcast.since(2) is None
    assert broadcast.since(4) is None
    broadcast.publish(Change(4, 9_000))
    assert broadcast.since(4) is None
    broadcast.publish(change(10_000, 10_001))
    assert broadcast.since(0) is None


def test_closing_lets_nobody_wait() -> None:
    """Whoever waits is woken, and whoever comes later does not wait, as there is no more."""

    async def check() -> None:
        broadcast = Broadcast()
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: broadcast.beyond(0, patience=PATIENCE))
            await anyio.wait_all_tasks_blocked()
            broadcast.close()
        assert not await broadcast.beyond(0, patience=PATIENCE)

    anyio.run(check)
