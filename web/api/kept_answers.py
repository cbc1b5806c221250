"""A page at a position never changes: keep its bytes, and answer from them before all else.

Guarantees. An answer is given again only while the log's position and the model are what they were
before it was made, so whoever asks sees all that was acknowledged before. What depends on the clock
(whether writers of open runs are there) may be as old as the answer says that it lasts. The bytes
kept are bounded: those that were not asked for longest go first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from ledger import LedgerError
from web.api.encoded_answer import EncodedAnswer
from web.api.served_ledger import ViewState
from web.api.shared_making import SharedMaking

__all__ = ["AnsweredFirst", "KeptAnswers", "Made", "Question"]

Question = tuple[str, bytes]
"""The path and the query, as they came."""

_CAPACITY = 64 * 1024 * 1024
_LARGEST = 8 * 1024 * 1024
_OVERHEAD = 2_048


class Made(NamedTuple):
    """An answer, the state it was made from, and until when (monotonic) it holds there.

    ``again`` makes it anew for whoever asks the same; None where that takes a look at the request.
    """

    answer: EncodedAnswer
    state: ViewState
    until: float
    again: Callable[[], Awaitable[Made]] | None = None


class KeptAnswers:
    """Answers by their questions. Lives on one event loop.

    Attributes:
        size: the bytes that are kept, about.
    """

    def __init__(self, state: Callable[[], ViewState], *, capacity: int = _CAPACITY) -> None:
        """Keep at most ``capacity`` bytes, of answers that hold while ``state`` gives the same."""
        self._state = state
        self._capacity = capacity
        self.size = 0
        self._made: dict[Question, Made] = {}
        self._making: SharedMaking[Question, EncodedAnswer] = SharedMaking()

    def find(self, question: Question) -> EncodedAnswer | None:
        """Give the answer that is kept, if it still holds."""
        made = self._made.pop(question, None)
        if made is None:
            return None
        # Put back as the last that was asked for.
        self._made[question] = made
        try:
            holds = made.state == self._state()
        except (LedgerError, OSError):
            # Let whoever is asked anew say what is wrong.
            return None
        return made.answer if holds and time.monotonic() < made.until else None

    async def find_or_renew(self, question: Question) -> EncodedAnswer | None:
        """Give the answer that is kept, made anew where it does not hold any more.

        None where none is kept, and where it fails: whoever is asked then says why.
        """
        answer = self.find(question)
        renew = None if answer is not None else self.renewal(question)
        if renew is None:
            return answer
        try:
            return await asyncio.shield(renew())
        except Exception:  # noqa: BLE001 - the one who is asked next raises it again
            self.drop(question)
            return None

    def renewal(self, question: Question) -> Callable[[], asyncio.Future[EncodedAnswer]] | None:
        """Give what has an answer made anew as the last time; None where it is not known how.

        What that gives is of all who ask, and must not be cancelled.
        """
        made = self._made.get(question)
        if made is None or made.again is None:
            return None
        return partial(self._making.share, question, partial(self._make, question, made.again))

    async def share(self, question: Question, make: Callable[[], Awaitable[Made]]) -> EncodedAnswer:
        """Have an answer made, or share one whose making begins after this was asked."""
        made = self._making.share(question, partial(self._make, question, make))
        return await asyncio.shield(made)

    async def _make(self, question: Question, make: Callable[[], Awaitable[Made]]) -> EncodedAnswer:
        made = await make()
        self._keep(question, made)
        return made.answer

    def _keep(self, question: Question, made: Made) -> None:
        self.drop(question)
        if made.answer.size > _LARGEST or made.until <= time.monotonic():
            return
        self._made[question] = made
        self.size += _room(made)
        while self.size > self._capacity:
            self.drop(next(iter(self._made)))

    def drop(self, question: Question) -> None:
        """Keep an answer no longer, nor how it was made."""
        made = self._made.pop(question, None)
        if made is not None:
            self.size -= _room(made)


def _room(made: Made) -> int:
    """Count the body twice, as it may come to be compressed too."""
    return 2 * made.answer.size + _OVERHEAD


class AnsweredFirst:
    """Answers from what is kept, and passes on what is not there."""

    def __init__(self, app: ASGIApp, kept: KeptAnswers) -> None:
        self._app = app
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in the fewest steps there are."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            question = (scope["path"], scope["query_string"])
            answer = await self._kept.find_or_renew(question)
            if answer is not None:
                await answer.send(scope, send)
                return
        await self._app(scope, receive, send)
