"""One making at a time, shared by all who may share it, and older than nobody's question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from web.api.shared_making import SharedMaking


class Clock:
    """Counts what happens, in its order."""

    def __init__(self) -> None:
        self.now = 0
        self.makings = 0
        self.at_work = 0

    def tick(self) -> int:
        """Give a number that no other moment has."""
        self.now += 1
        return self.now

    def making(self, steps: int) -> Callable[[], Awaitable[int]]:
        """Give what says, after some steps, when it was begun."""

        async def make() -> int:
            began = self.tick()
            self.makings += 1
            self.at_work += 1
            assert self.at_work == 1
            for _ in range(steps):
                await asyncio.sleep(0)
            self.at_work -= 1
            return began

        return make


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_nobody_is_given_what_was_begun_before_it_was_asked_for(
    asking: list[tuple[int, int]],
) -> None:
    """Whenever they ask, and however long each takes; never are two made at once."""
    clock = Clock()
    shared: SharedMaking[str, int] = SharedMaking()

    async def ask(pause: int, steps: int) -> None:
        for _ in range(pause):
            await asyncio.sleep(0)
        asked = clock.tick()
        assert await asyncio.shield(shared.share("runs", clock.making(steps))) > asked

    async def check() -> None:
        await asyncio.gather(*(ask(*each) for each in asking))

    asyncio.run(check())
    assert clock.makings <= len(asking)


def test_those_who_come_back_share_the_next() -> None:
    """Of many who ask again and again, each making serves nearly all, not every other one."""
    clock = Clock()
    shared: SharedMaking[str, int] = SharedMaking()

    async def make() -> int:
        await asyncio.sleep(0.01)
        return await clock.making(0)()

    async def ask() -> None:
        for _ in range(10):
            await shared.share("runs", make)

    async def check() -> None:
        first = asyncio.gather(*(ask() for _ in range(16)))
        await asyncio.sleep(0.005)
        # In the middle of the first making: from here on, half of them wait while half are served.
        await asyncio.gather(first, *(ask() for _ in range(16)))

    asyncio.run(check())
    assert 10 <= clock.makings <= 13


def test_a_failure_is_told_to_those_who_asked_for_it_alone() -> None:
    """The next is made as if nothing had been; a question of its own never waits for another."""
    shared: SharedMaking[str, int] = SharedMaking()

    async def fail() -> int:
        raise ValueError("broken")

    async def check() -> None:
        clock = Clock()
        slow = shared.share("other", lambda: asyncio.sleep(60, 0))
        first = [shared.share("runs", fail) for _ in range(3)]
        told = await asyncio.gather(*first, return_exceptions=True)
        assert [str(one) for one in told] == ["broken"] * 3
        assert await shared.share("runs", clock.making(1)) == 1
        assert not slow.done()

    asyncio.run(check())


def test_who_leaves_takes_the_answer_from_nobody() -> None:
    """A task that is cancelled while it waits leaves the others what they wait for."""
    clock = Clock()
    shared: SharedMaking[str, int] = SharedMaking()

    async def ask() -> int:
        return await asyncio.shield(shared.share("runs", clock.making(20)))

    async def check() -> None:
        leaves, stays = asyncio.create_task(ask()), asyncio.create_task(ask())
        for _ in range(5):
            await asyncio.sleep(0)
        leaves.cancel()
        assert await stays == 1
        assert leaves.cancelled()

    asyncio.run(check())
