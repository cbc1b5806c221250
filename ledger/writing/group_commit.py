"""Appends that arrive while a sync is under way share the next one.

Who appends while nobody else does commits its own request at once. Those who come meanwhile queue;
the first of them leads next: it takes the whole queue, writes and syncs it at once, answers
everyone in it, and passes the lead on in the same way. 64 writers then cost little more than one.

An interrupt may end whoever leads between any two steps. Those who wait look now and then whether
anybody is still at work, and lead themselves where nobody is. What was asked for may then be asked
for twice; the ids of the events tell the log what it has already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["GroupCommit"]

# Seconds: so long after an interrupt at the worst moment others go on.
_LOOK_AFTER = 0.1

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class _Pending(Generic[Request, Answer]):
    """A request, its answer once there is one, and how to wake whoever waits for it."""

    __slots__ = ("answer", "done", "error", "future", "leads", "request", "wake")

    def __init__(self, request: Request, future: asyncio.Future[Answer] | None = None) -> None:
        self.request = request
        self.future = future
        self.leads = False
        self.done = False
        self.error: BaseException | None = None
        self.answer: Answer | None = None
        self.wake = threading.Lock()
        self.wake.acquire()

    def call(self) -> None:
        # Who was called already, or looked by itself, needs no second call.
        with suppress(RuntimeError):
            self.wake.release()

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
        self._leader: Request | _Pending[Request, Answer] | None = None
        self._waiting: list[_Pending[Request, Answer]] = []
        self._executor: ThreadPoolExecutor | None = None

    def submit(self, request: Request) -> Answer:
        """Have a request committed, and return its answer or raise its error."""
        try:
            with self._guard:
                if self._leader is None:
                    self._leader = request
            if self._leader is request:
                return self._commit_alone(request)
        finally:
            if self._leader is request:
                self._pass_on()
        return self._submit_to_group(request)

    def _commit_alone(self, request: Request) -> Answer:
        """Commit the request of who came first: it needs no queue, and nothing to be woken by."""
        with self._turn:
            (answer,) = self._commit([request])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _submit_to_group(self, request: Request) -> Answer:
        waiter: _Pending[Request, Answer] = _Pending(request)
        try:
            self._enqueue(waiter)
            while not waiter.done:
                if not waiter.leads:
                    self._wait(waiter)
                if waiter.leads:
                    self._lead()
        except BaseException:
            self._leave(waiter)
            raise
        return waiter.result()

    def _wait(self, waiter: _Pending[Request, Answer]) -> None:
        """Wait until the request is answered, or is to lead."""
        while not waiter.wake.acquire(timeout=_LOOK_AFTER):
            if waiter.done or waiter.leads or self._takes_over(waiter):
                return

    def _takes_over(self, waiter: _Pending[Request, Answer]) -> bool:
        """Take the lead where nobody is at work: who took the group that one was in is gone."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            with self._guard:
                if not waiter.done:
                    if waiter not in self._waiting:
                        self._waiting.append(waiter)
                    self._leader = waiter
                    waiter.leads = True
        finally:
            self._turn.release()
        return True

    def _leave(self, waiter: _Pending[Request, Answer]) -> None:
        """Let somebody else lead: who is interrupted must neither keep the lead nor be given it."""
        with self._guard:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            leads = self._leader is waiter
        if leads:
            self._pass_on()

    async def submit_async(self, request: Request) -> Answer:
        """Do the same without blocking the event loop."""
        # Here, as whoever appends without an event loop should not wait for the import of one.
        import asyncio  # noqa: PLC0415 - see above

        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiter = _Pending(request, future)
        self._enqueue(waiter)
        if waiter.leads:
            # Not before the tasks that are ready now had their turn: what they append goes along.
            future.get_loop().call_soon(self._lead_elsewhere)
        look = future.get_loop().call_later(_LOOK_AFTER, self._look, waiter, future)
        try:
            return await future
        finally:
            look.cancel()

    def _look(self, waiter: _Pending[Request, Answer], future: asyncio.Future[Answer]) -> None:
        """Look for a task, now and then, whether anybody is still at work."""
        if future.done():
            return
        # First: what is found now may fail, as where the log is being closed.
        future.get_loop().call_later(_LOOK_AFTER, self._look, waiter, future)
        if self._takes_over(waiter):
            self._lead_elsewhere()

    def _enqueue(self, waiter: _Pending[Request, Answer]) -> None:
        """Queue a request; it leads where nobody else does."""
        with self._guard:
            self._waiting.append(waiter)
            if self._leader is None:
                self._leader = waiter
                waiter.leads = True

    def _lead_elsewhere(self) -> None:
        if self._executor is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - as asyncio

            self._executor = ThreadPoolExecutor(1, thread_name_prefix="runfold-append")
        self._executor.submit(self._lead)

    def _lead(self) -> None:
        """Commit all that waits, then pass the lead on."""
        try:
            with self._turn:
                with self._guard:
                    group, self._waiting = self._waiting, []
                self._answer([waiter for waiter in group if not _is_cancelled(waiter)])
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            following = self._leader = self._waiting[0] if self._waiting else None
            if following is not None:
                following.leads = True
        if following is None:
            return
        if following.future is not None:
            self._lead_elsewhere()
        else:
            following.call()

    def _answer(self, group: list[_Pending[Request, Answer]]) -> None:
        if not group:
            return
        answers: Sequence[Answer | BaseException]
        try:
            try:
                answers = self._commit([waiter.request for waiter in group])
            except Exception as error:  # noqa: BLE001 - whatever it is, those who asked are to know
                answers = [error] * len(group)
            _give(group, answers)
        except BaseException:
            # An interrupt of this thread is no answer to the others.
            with self._guard:
                self._waiting[:0] = [waiter for waiter in group if not waiter.done]
            raise

    def exclusively(self, action: Callable[[], None]) -> None:
        """Run something while no group is being committed."""
        with self._turn:
            action()

    def close(self) -> None:
        """End the thread that serves asynchronous appends, after what waits is done."""
        # First: who takes the lead meanwhile, or after an interrupt of this, needs another.
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown()


def _is_cancelled(waiter: _Pending[Request, Answer]) -> bool:
    return waiter.future is not None and waiter.future.cancelled()


def _give(
    group: list[_Pending[Request, Answer]], answers: Sequence[Answer | BaseException]
) -> None:
    """Hand out the answers, and wake those who wait: threads at once, tasks in their loop."""
    tasks: dict[asyncio.AbstractEventLoop, list[_Pending[Request, Answer]]] = {}
    for waiter, answer in zip(group, answers, strict=True):
        if isinstance(answer, BaseException):
            waiter.error = answer
        else:
            waiter.answer = answer
        if waiter.future is not None:
            tasks.setdefault(waiter.future.get_loop(), []).append(waiter)
            continue
        waiter.done = True
        if not waiter.leads:
            waiter.call()
    for loop, waiters in tasks.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, waiters)
        for waiter in waiters:
            waiter.done = True


def _resolve(waiters: list[_Pending[Request, Answer]]) -> None:
    """Answer the tasks of one event loop, in that loop."""
    for waiter in waiters:
        future = waiter.future
        if future is None or future.done():
            continue
        if waiter.error is not None:
            future.set_exception(waiter.error)
        else:
            future.set_result(waiter.result())
