"""Appends that arrive together share a write; an interrupt of one of them is its own affair."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.writing.group_commit import GroupCommit
from tests.automation.waiting import wait_until
from tests.ledger.processes import PATIENCE


class Commits:
    """Answers each request by itself; the first group waits to be let go, one is interrupted."""

    def __init__(self, interrupted: int) -> None:
        """Take which group is interrupted, counted from 1; 0 is none."""
        self.groups: list[Sequence[str]] = []
        self.go_on = threading.Event()
        self._interrupted = interrupted

    def __call__(self, requests: Sequence[str]) -> Sequence[str]:
        """Commit a group."""
        self.groups.append(list(requests))
        number = len(self.groups)
        if number == 1:
            assert self.go_on.wait(PATIENCE)
        if number == self._interrupted:
            raise KeyboardInterrupt
        return requests


def submitted(commits: Commits) -> list[str | BaseException]:
    """Submit one request, and three more while it is committed; give what came of each."""
    group = GroupCommit[str, str](commits)

    def submit(request: str) -> str | BaseException:
        try:
            return group.submit(request)
        except KeyboardInterrupt as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(submit, "a")
        wait_until(lambda: commits.groups, "the first is committed")
        others = [pool.submit(submit, request) for request in "bcd"]
        wait_until(lambda: len(group._waiting) == 3, "the others wait")
        commits.go_on.set()
        return [one.result(PATIENCE) for one in (first, *others)]


def test_those_who_come_meanwhile_share_the_next_group() -> None:
    """Who comes alone is committed alone, and the others at once behind it."""
    commits = Commits(interrupted=0)

    assert submitted(commits) == ["a", "b", "c", "d"]
    assert commits.groups == [["a"], ["b", "c", "d"]]


@pytest.mark.parametrize("interrupted", [1, 2])
def test_an_interrupt_is_told_to_whom_it_was_meant_for(interrupted: int) -> None:
    """Whoever leads and is interrupted hears of it; the others are answered all the same."""
    came = submitted(Commits(interrupted))

    assert [type(one) for one in came].count(KeyboardInterrupt) == 1
    assert [one for one in came if isinstance(one, str)] == [
        request for request, one in zip("abcd", came, strict=True) if isinstance(one, str)
    ]


def test_a_lead_that_was_not_passed_on_is_taken() -> None:
    """Who was interrupted before it could pass the lead on keeps nobody waiting."""
    group = GroupCommit[str, str](lambda requests: requests)
    group._leader = "somebody who is gone"

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(group.submit, "ab", timeout=PATIENCE)) == ["a", "b"]


def test_a_group_that_was_taken_and_not_answered_is_asked_for_again() -> None:
    """Who was interrupted with the requests of others in hand keeps none of them."""
    group = GroupCommit[str, str](lambda requests: requests)
    group._leader = "somebody who is gone"

    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(group.submit, "a")
        wait_until(lambda: group._waiting, "it waits")
        with group._guard:
            group._waiting.clear()
        assert waits.result(PATIENCE) == "a"


def test_a_task_takes_the_lead_too() -> None:
    """A task whose group was taken by somebody who is gone asks for it again by itself."""
    group = GroupCommit[str, str](lambda requests: requests)
    group._leader = "somebody who is gone"

    async def both() -> tuple[str, str]:
        waits = asyncio.create_task(group.submit_async("a"))
        stays = asyncio.create_task(group.submit_async("b"))
        await asyncio.sleep(0)
        with group._guard:
            group._waiting.pop(0)
        return await asyncio.wait_for(asyncio.gather(waits, stays), PATIENCE)

    assert tuple(asyncio.run(both())) == ("a", "b")
    group.close()


def test_an_interrupted_close_keeps_no_task_waiting() -> None:
    """The thread that serves tasks is given up by it, and the next task gets another."""
    commits = Commits(interrupted=0)
    group = GroupCommit[str, str](commits)
    closer = threading.get_ident()

    def interrupt_the_close() -> None:
        wait_until(lambda: is_called(closer, "shutdown"), "it is being closed")
        signal.pthread_kill(closer, signal.SIGINT)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(asyncio.run, submit_in_time(group, "a"))
        wait_until(lambda: commits.groups, "the first is committed")
        interrupting = pool.submit(interrupt_the_close)
        with pytest.raises(KeyboardInterrupt):
            group.close()
        commits.go_on.set()
        interrupting.result(PATIENCE)
        assert first.result(PATIENCE) == "a"
    assert asyncio.run(submit_in_time(group, "b")) == "b"
    group.close()


def is_called(thread: int, function: str) -> bool:
    """Tell whether a thread is in a function, or in what that called."""
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_code.co_name != function:
        frame = frame.f_back
    return frame is not None


async def submit_in_time(group: GroupCommit[str, str], request: str) -> str:
    """Submit a request, and give up where it is never answered."""
    return await asyncio.wait_for(group.submit_async(request), 5)
