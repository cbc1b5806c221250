"""Telling a run to end."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from automation.running.stopping import Stopped, StopRequest, stop_on_signals
from ledger.recording.termination import Terminated


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    """Give a request that nobody has made yet."""
    with StopRequest() as request:
        yield request


def is_readable(stop: StopRequest) -> bool:
    """Tell whether who waits on the descriptor would wake."""
    return bool(select.select([stop], [], [], 0)[0])


def test_until_it_is_made_a_request_does_nothing(stop: StopRequest) -> None:
    """Nothing is raised, nothing wakes, and a short sleep is slept to its end."""
    stop.check()
    stop.check_signal()
    stop.wait(0.01)
    stop.wait(0)

    assert not stop.requested
    assert not is_readable(stop)


@pytest.mark.parametrize("cause", [Stopped, KeyboardInterrupt, Terminated])
def test_a_request_raises_what_its_cause_raises(
    stop: StopRequest, cause: type[KeyboardInterrupt | Terminated]
) -> None:
    """Every way of asking raises the same: a check, a sleep, a block that is entered."""
    stop.request(cause)

    assert stop.requested
    assert is_readable(stop)
    for ask in (stop.check, lambda: stop.wait(3600), lambda: stop.replace(ValueError())):
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - its exact type is looked at
            ask()
        assert type(caught.value) is cause


def test_a_signal_takes_precedence_over_a_stop(stop: StopRequest) -> None:
    """It is for the whole process; otherwise the first cause stands."""
    stop.request()
    stop.check_signal()
    stop.request(KeyboardInterrupt)
    stop.request(Terminated)
    stop.request()

    with pytest.raises(KeyboardInterrupt) as caught:
        stop.check_signal()
    assert type(caught.value) is KeyboardInterrupt


def test_a_sleep_ends_when_another_thread_asks(stop: StopRequest) -> None:
    """A wait for a retry does not hold up a stop."""
    threading.Timer(0.02, stop.request).start()

    with pytest.raises(Stopped):
        stop.wait(3600)


def test_an_error_is_replaced_only_by_another(stop: StopRequest) -> None:
    """What the stop itself raised goes on as it is; anything else becomes its cause."""
    stop.replace(ValueError())
    stop.request()
    stop.replace(Stopped())

    with pytest.raises(Stopped) as caught:
        stop.replace(ValueError("why"))
    assert str(caught.value.__cause__) == "why"


def test_any_number_of_requests_is_one(stop: StopRequest) -> None:
    """The pipe behind it never blocks who asks."""
    for _ in range(70_000):
        stop.request()

    assert stop.requested


def test_a_request_after_the_end_does_nothing() -> None:
    """A stop that comes too late writes nowhere."""
    with StopRequest() as stop:
        pass
    stop.request()


def test_a_request_interrupts_what_runs(stop: StopRequest) -> None:
    """Each request interrupts; before and after the block none does."""
    calls: list[None] = []
    with stop.interrupting(lambda: calls.append(None)):
        stop.request()
        stop.request()
    stop.request()

    assert len(calls) == 2


@pytest.mark.parametrize(
    ("number", "cause"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_signal_makes_the_request(
    stop: StopRequest, number: signal.Signals, cause: type[BaseException]
) -> None:
    """Inside the block a signal raises nothing by itself; after it, all is as before."""
    before = signal.getsignal(number)
    with stop_on_signals(stop):
        signal.raise_signal(number)
        assert stop.requested
    assert signal.getsignal(number) is before
    with pytest.raises(cause):
        stop.check_signal()


def test_a_signal_wakes_who_waits(stop: StopRequest) -> None:
    """A process told to end while it waits for a retry ends at once."""
    threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()

    with stop_on_signals(stop), pytest.raises(Terminated):
        stop.wait(3600)


def test_a_signal_that_somebody_handles_is_left_alone(stop: StopRequest) -> None:
    """The handler of the program that runs the pipeline stays in place."""
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with stop_on_signals(stop):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert seen == [signal.SIGTERM]
    assert not stop.requested


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_forked_child_does_not_stop_the_run(stop: StopRequest, number: signal.Signals) -> None:
    """A child that a stage forked ends by a signal as it would anywhere, and only itself."""
    with stop_on_signals(stop):
        child = os.fork()
        if child == 0:
            try:
                signal.raise_signal(number)
            except KeyboardInterrupt:
                os._exit(77)
            time.sleep(60)
        _, status = os.waitpid(child, 0)

    code = os.waitstatus_to_exitcode(status)
    assert code == (77 if number is signal.SIGINT else -signal.SIGTERM)
    assert not stop.requested
    assert not is_readable(stop)
