"""Appends that arrive while a sync is under way share the next one.

Whoever appends puts its request in a queue. The first leads: it takes the whole queue, writes and
syncs it at once, answers everyone in it, and passes the lead to the first of those who came
meanwhile. 64 writers then cost little more than one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["GroupCommit"]

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class _Entry(Generic[Request, Answer]):
    """A request, its answer once there is one, and how to wake whoever waits for it."""

    __slots__ = ("answer", "error", "future", "leads", "request", "wake")

    def __init__(self, request: Request, future: asyncio.Future[Answer] | None = None) -> None:
        self.request = request
        self.future = future
        self.leads = False
        self.error: BaseException | None = None
        self.answer: Answer | None = None
        self.wake = threading.Lock()
        self.wake.acquire()

    def result(self) -> Answer:
        if self.error is not None:
            raise self.error
        return self.answer  # type: ignore[return-value] # set when it was answered without an error


class GroupCommit(Generic[Request, Answer]):
    """Collects requests and hands them to ``commit`` in groups, in the order they came.

    ``commit`` answers each request by a value or an exception, in order.
    """

    def __init__(
        self, commit: Callable[[Sequence[Request]], Sequence[Answer | BaseException]]
    ) -> None:
        """Take the function that writes one group."""
        self._commit = commit
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._led = False
        self._waiting: list[_Entry[Request, Answer]] = []
        self._executor: ThreadPoolExecutor | None = None

    def submit(self, request: Request) -> Answer:
        """Have a request committed, and return its answer or raise its error."""
        entry: _Entry[Request, Answer] = _Entry(request)
        if self._enqueue(entry):
            self._lead()
        else:
            self._wait(entry)
            if entry.leads:
                self._lead()
        return entry.result()

    def _wait(self, entry: _Entry[Request, Answer]) -> None:
        try:
            entry.wake.acquire()
        except BaseException:
            # An interrupt: whoever goes away must neither keep the lead nor be given it.
            with self._guard:
                if entry in self._waiting:
                    self._waiting.remove(entry)
            if entry.leads:
                self._pass_on()
            raise

    async def submit_async(self, request: Request) -> Answer:
        """Do the same without blocking the event loop."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._enqueue(_Entry(request, future)):
            self._lead_elsewhere()
        return await future

    def _enqueue(self, entry: _Entry[Request, Answer]) -> bool:
        """Queue an entry, and tell whether it has to lead."""
        with self._guard:
            self._waiting.append(entry)
            leads = not self._led
            self._led = True
            return leads

    def _lead_elsewhere(self) -> None:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="runfold-append")
        self._executor.submit(self._lead)

    def _lead(self) -> None:
        """Commit all that waits, then pass the lead on."""
        try:
            with self._turn:
                with self._guard:
                    group, self._waiting = self._waiting, []
                self._answer([entry for entry in group if not _is_cancelled(entry)])
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            following = self._waiting[0] if self._waiting else None
            self._led = following is not None
        if following is None:
            return
        if following.future is not None:
            self._lead_elsewhere()
        else:
            following.leads = True
            following.wake.release()

    def _answer(self, group: list[_Entry[Request, Answer]]) -> None:
        if not group:
            return
        answers: Sequence[Answer | BaseException]
        try:
            answers = self._commit([entry.request for entry in group])
        except BaseException as error:
            _give(group, [error] * len(group))
            if not isinstance(error, Exception):
                raise
        else:
            _give(group, answers)

    def exclusively(self, action: Callable[[], None]) -> None:
        """Run something while no group is being committed."""
        with self._turn:
            action()

    def close(self) -> None:
        """End the thread that serves asynchronous appends, after what waits is done."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None


def _is_cancelled(entry: _Entry[Request, Answer]) -> bool:
    return entry.future is not None and entry.future.cancelled()


def _give(group: list[_Entry[Request, Answer]], answers: Sequence[Answer | BaseException]) -> None:
    """Hand out the answers, and wake those who wait: threads at once, tasks in their loop."""
    tasks: dict[asyncio.AbstractEventLoop, list[_Entry[Request, Answer]]] = {}
    for entry, answer in zip(group, answers, strict=True):
        if isinstance(answer, BaseException):
            entry.error = answer
        else:
            entry.answer = answer
        if entry.future is not None:
            tasks.setdefault(entry.future.get_loop(), []).append(entry)
        elif not entry.leads:
            entry.wake.release()
    for loop, entries in tasks.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, entries)


def _resolve(entries: list[_Entry[Request, Answer]]) -> None:
    """Answer the tasks of one event loop, in that loop."""
    for entry in entries:
        future = entry.future
        if future is None or future.done():
            continue
        if entry.error is not None:
            future.set_exception(entry.error)
        else:
            future.set_result(entry.result())
