"""Ending a Python call from outside, in every place it may run."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from automation.running.interruption import InterruptibleCall, StageInterrupted
from tests.automation.waiting import wait_until

Interrupt = Callable[[], None]


def sleeps(begun: threading.Event) -> None:
    """Block in a system call."""
    begun.set()
    time.sleep(60)


def blocks_on_a_lock(begun: threading.Event) -> None:
    """Wait for a lock that nobody lets go of."""
    begun.set()
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def computes(begun: threading.Event) -> None:
    """Never block."""
    begun.set()
    while begun.is_set():
        pass


async def awaits(begun: threading.Event) -> None:
    """Wait in an event loop."""
    begun.set()
    await asyncio.sleep(60)


def interrupt_when(begun: threading.Event, call: InterruptibleCall) -> threading.Thread:
    """Interrupt a call from another thread as soon as it has begun."""

    def interrupt() -> None:
        begun.wait(20)
        # Into the middle of what comes next, whatever it is.
        time.sleep(0.02)
        call.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


def raised_by(call: InterruptibleCall) -> BaseException | None:
    """Run a call, and give what it raised."""
    try:
        call.run()
    except BaseException as error:  # noqa: BLE001 - that is what is asked for
        return error
    return None


@pytest.mark.parametrize("function", [sleeps, blocks_on_a_lock, computes, awaits])
def test_a_call_in_the_main_thread_is_interrupted_wherever_it_is(
    function: Callable[[threading.Event], object],
) -> None:
    """Python code, a system call, a lock and an event loop all end at once."""
    begun = threading.Event()
    call = InterruptibleCall(lambda: function(begun))
    thread = interrupt_when(begun, call)

    error = raised_by(call)

    thread.join()
    assert isinstance(error, StageInterrupted | asyncio.CancelledError)
    assert signal.getsignal(signal.SIGURG) is signal.SIG_DFL


@pytest.mark.parametrize("function", [computes, awaits])
def test_a_call_in_another_thread_is_interrupted(
    function: Callable[[threading.Event], object],
) -> None:
    """Python code and an event loop end at once there too."""
    begun = threading.Event()
    call = InterruptibleCall(lambda: function(begun))
    raised: list[BaseException | None] = []
    runner = threading.Thread(target=lambda: raised.append(raised_by(call)))
    runner.start()

    interrupt_when(begun, call).join()

    runner.join(20)
    assert isinstance(raised[0], StageInterrupted | asyncio.CancelledError)


@pytest.mark.parametrize("in_main", [True, False])
@pytest.mark.parametrize("function", [sleeps, awaits])
def test_a_call_that_was_interrupted_before_it_runs_does_not_run(
    function: Callable[[threading.Event], object], in_main: bool
) -> None:
    """An interruption is never lost between the decision to call and the call."""
    call = InterruptibleCall(lambda: function(threading.Event()))
    call.interrupt()
    raised: list[BaseException | None] = []

    if in_main:
        raised.append(raised_by(call))
    else:
        runner = threading.Thread(target=lambda: raised.append(raised_by(call)))
        runner.start()
        runner.join(20)

    assert isinstance(raised[0], StageInterrupted | asyncio.CancelledError)


@pytest.mark.parametrize("in_main", [True, False])
def test_an_interruption_after_the_end_does_nothing(in_main: bool) -> None:
    """Who is late hits nobody, however close to the end it is."""

    def many() -> None:
        for _ in range(200):
            call = InterruptibleCall(lambda: None)
            late = threading.Thread(target=call.interrupt)
            late.start()
            raised_by(call)
            late.join()

    if in_main:
        many()
    else:
        errors: list[BaseException | None] = []
        runner = threading.Thread(target=lambda: errors.append(raised_by_plain(many)))
        runner.start()
        runner.join(20)
        assert errors == [None]


def raised_by_plain(function: Callable[[], None]) -> BaseException | None:
    """Call a function, and give what it raised."""
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - that is what is asked for
        return error
    return None


def test_a_call_that_swallows_an_interruption_can_be_interrupted_again() -> None:
    """One ``except KeyboardInterrupt`` too many does not make a stage immortal."""
    swallowed = threading.Event()
    begun = threading.Event()

    def stubborn() -> None:
        try:
            sleeps(begun)
        except KeyboardInterrupt:
            swallowed.set()
            time.sleep(60)

    call = InterruptibleCall(stubborn)

    def interrupt_twice() -> None:
        wait_until(begun.is_set, "the call begins")
        call.interrupt()
        wait_until(swallowed.is_set, "the call swallows the first")
        call.interrupt()

    thread = threading.Thread(target=interrupt_twice)
    thread.start()

    assert isinstance(raised_by(call), StageInterrupted)
    thread.join()


def test_an_except_exception_does_not_swallow_it() -> None:
    """What stages usually catch lets an interruption through."""
    begun = threading.Event()

    def careless() -> None:
        while True:
            try:
                sleeps(begun)
            except Exception:  # noqa: BLE001, S112 - the careless stage of the example
                continue

    call = InterruptibleCall(careless)
    thread = interrupt_when(begun, call)

    assert isinstance(raised_by(call), StageInterrupted)
    thread.join()


def test_where_the_signal_is_taken_the_interpreter_raises() -> None:
    """A program that handles SIGURG itself keeps its handler, and stages can still be ended."""
    seen: list[int] = []
    before = signal.signal(signal.SIGURG, lambda number, _: seen.append(number))
    begun = threading.Event()
    call = InterruptibleCall(lambda: computes(begun))
    thread = interrupt_when(begun, call)
    try:
        assert isinstance(raised_by(call), StageInterrupted)
    finally:
        signal.signal(signal.SIGURG, before)
        thread.join()
    assert seen == []


def test_what_the_call_raises_itself_goes_through() -> None:
    """Without an interruption a call is a call, async or not."""

    async def fails() -> None:
        raise ValueError("async")

    def divides() -> float:
        return 1 / 0

    assert isinstance(raised_by(InterruptibleCall(divides)), ZeroDivisionError)
    assert isinstance(raised_by(InterruptibleCall(fails)), ValueError)
    assert raised_by(InterruptibleCall(lambda: 3)) is None


def yields() -> Iterator[int]:
    """Give a number, where somebody asks."""
    yield 1


async def yields_in_a_loop() -> AsyncIterator[int]:
    """Give a number, where somebody asks."""
    yield 1


@pytest.mark.parametrize("generator", [yields, yields_in_a_loop])
def test_a_call_that_gives_a_generator_fails(generator: Callable[[], object]) -> None:
    """Nobody would run it, so all that it was to do would count as done."""
    with pytest.raises(TypeError, match="it gave a generator, which nobody runs"):
        # As a lambda or a decorator hides it from who makes the stage.
        InterruptibleCall(lambda: generator()).run()  # noqa: PLW0108 - see above


def test_a_call_that_gives_a_generator_it_has_begun_is_done() -> None:
    """It has asked it for what it wanted."""

    def take_one() -> object:
        begun = yields()
        next(begun)
        return begun

    InterruptibleCall(take_one).run()
