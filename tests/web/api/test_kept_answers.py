"""Answers are kept while they hold, made once however many ask, and bounded in memory."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import anyio
import pytest

from web.api.encoded_answer import EncodedAnswer
from web.api.endpoint import Answer
from web.api.kept_answers import KeptAnswers, Made
from web.api.served_ledger import ViewState

QUESTION = ("/runs", b"")


class Log:
    """A log that grows when it is told to."""

    def __init__(self) -> None:
        self.position = 1

    def state(self) -> ViewState:
        """Give where it is."""
        return ViewState(self.position, ())


def made(state: ViewState, body: bytes = b"{}", until: float = math.inf) -> Made:
    """Make an answer."""
    return Made(EncodedAnswer(Answer(body=body), body, {}), state, until)


def making(log: Log, body: bytes = b"{}", until: float = math.inf) -> Callable[[], Awaitable[Made]]:
    """Give what makes an answer of the log as it is then."""

    async def make() -> Made:
        state = log.state()
        await anyio.lowlevel.checkpoint()
        return made(state, body, until)

    return make


def test_an_answer_holds_until_the_log_grows() -> None:
    """It is found while the position stays, and not after."""
    log = Log()
    kept = KeptAnswers(log.state)

    async def check() -> None:
        answer = await kept.share(QUESTION, making(log))
        assert kept.find(QUESTION) is answer
        assert kept.find(("/runs", b"limit=1")) is None
        log.position += 1
        assert kept.find(QUESTION) is None

    anyio.run(check)


def test_an_answer_that_was_asked_for_before_is_made_anew() -> None:
    """As it was made the first time; what cannot be made is passed on, and forgotten."""
    log = Log()
    kept = KeptAnswers(log.state)

    async def make() -> Made:
        if log.position == 3:
            raise ValueError("broken")
        return made(log.state(), b"%d" % log.position)._replace(again=make)

    async def check() -> None:
        assert await kept.find_or_renew(QUESTION) is None
        first = await kept.share(QUESTION, make)
        assert await kept.find_or_renew(QUESTION) is first
        log.position = 2
        second = await kept.find_or_renew(QUESTION)
        assert second is not None
        assert second.etag != first.etag
        assert kept.find(QUESTION) is second
        log.position = 3
        assert await kept.find_or_renew(QUESTION) is None
        log.position = 4
        assert await kept.find_or_renew(QUESTION) is None

    anyio.run(check)


def test_an_answer_that_hangs_on_the_clock_does_not_last() -> None:
    """One whose time is over is not given, though the log is as it was."""
    log = Log()
    kept = KeptAnswers(log.state)
    anyio.run(kept.share, QUESTION, making(log, until=0.0))
    assert kept.find(QUESTION) is None


def test_one_answer_is_made_for_all_who_ask_meanwhile() -> None:
    """Of those who ask while one is made, none gets that one, and all share the next."""
    log = Log()
    kept = KeptAnswers(log.state)
    answers: list[tuple[int, EncodedAnswer]] = []
    begun, go_on = anyio.Event(), anyio.Event()

    async def make() -> Made:
        log.position += 1
        state = log.state()
        begun.set()
        await go_on.wait()
        return made(state)

    async def ask(name: int) -> None:
        answers.append((name, await kept.share(QUESTION, make)))

    async def check() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, 0)
            await begun.wait()
            for name in range(1, 10):
                group.start_soon(ask, name)
            await anyio.wait_all_tasks_blocked()
            go_on.set()

    anyio.run(check)
    first = next(answer for name, answer in answers if name == 0)
    assert log.position == 3
    assert [answer for name, answer in answers if answer is first] == [first]


def test_a_making_that_fails_leaves_the_next_its_turn() -> None:
    """An error goes to who asked, and nobody waits for ever."""
    log = Log()
    kept = KeptAnswers(log.state)

    async def fail() -> Made:
        raise ValueError("broken")

    async def check() -> None:
        with pytest.raises(ValueError, match="broken"):
            await kept.share(QUESTION, fail)
        with anyio.fail_after(20):
            answer = await kept.share(QUESTION, making(log))
        assert kept.find(QUESTION) is answer

    anyio.run(check)


def test_what_was_not_asked_for_longest_goes_first() -> None:
    """The bytes kept are bounded, and looking at an answer keeps it."""
    log = Log()
    kept = KeptAnswers(log.state, capacity=40_000)
    questions = [("/runs", b"%d" % number) for number in range(3)]

    async def check() -> None:
        await kept.share(questions[0], making(log, b"x" * 6_000))
        await kept.share(questions[1], making(log, b"x" * 6_000))
        kept.find(questions[0])
        await kept.share(questions[2], making(log, b"x" * 6_000))

    anyio.run(check)
    found = [kept.find(question) is not None for question in questions]
    assert found == [True, False, True]
    assert kept.size <= 40_000
