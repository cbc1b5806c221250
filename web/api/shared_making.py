"""However many ask the same at once, one answer is made at a time, and shared.

Guarantees. Nobody is given an answer whose making began before it was asked for. Who asks while one
is made shares the next, which begins a moment later: those who were just given theirs ask again by
then, so that a making serves all of them and not every other one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["SharedMaking"]

# Of the time that the last one took, and seconds at the most.
_REST, _LONGEST_REST = 0.3, 0.02

Question = TypeVar("Question", bound=Hashable)
Made = TypeVar("Made")


class _Turn(Generic[Made]):
    """What is made for one question, one after the other.

    Attributes:
        task: makes answers as long as somebody waits for one.
    """

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._next: tuple[Callable[[], Awaitable[Made]], asyncio.Future[Made]] | None = None

    def wait_for_next(self, make: Callable[[], Awaitable[Made]]) -> asyncio.Future[Made]:
        """Give what is to be made next; the first who waits for it says how."""
        if self._next is None:
            self._next = make, asyncio.get_running_loop().create_future()
        return self._next[1]

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for what is to be made next."""
        return self._next is not None

    async def make_all(self) -> None:
        """Make one after the other until nobody waits for one."""
        while self._next is not None:
            (make, waiting), self._next = self._next, None
            began = time.monotonic()
            try:
                waiting.set_result(await make())
            except Exception as error:  # noqa: BLE001 - it is raised where somebody waits
                waiting.set_exception(error)
                # Looked at here, as all who have asked may be gone.
                waiting.exception()
            finally:
                # Where this task is ended itself.
                waiting.cancel()
            if self.is_waited_for:
                await asyncio.sleep(min(_REST * (time.monotonic() - began), _LONGEST_REST))

    def give_up(self) -> None:
        """Let nobody wait any more."""
        if self._next is not None:
            self._next[1].cancel()


class SharedMaking(Generic[Question, Made]):
    """Makes answers to questions. Lives on one event loop."""

    def __init__(self) -> None:
        """Make nothing yet."""
        self._turns: dict[Question, _Turn[Made]] = {}

    def share(
        self, question: Question, make: Callable[[], Awaitable[Made]]
    ) -> asyncio.Future[Made]:
        """Have an answer made, or share one whose making begins after this.

        What is given is of all who ask: it must not be cancelled, so shield it where it is awaited.
        """
        turn = self._turns.get(question)
        if turn is None:
            turn = self._turns[question] = _Turn()
            # It begins once all who ask at this moment have asked.
            turn.task = asyncio.get_running_loop().create_task(self._make_all(question, turn))
        return turn.wait_for_next(make)

    async def _make_all(self, question: Question, turn: _Turn[Made]) -> None:
        try:
            await turn.make_all()
        finally:
            del self._turns[question]
            turn.give_up()
