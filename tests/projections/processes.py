"""Real processes for the programs of the tests: forked from a clean server, so they start fast."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from multiprocessing.sharedctypes import Synchronized

__all__ = ["GENEROUS", "beside", "context", "counter", "run_to_its_end", "wait_until"]

GENEROUS = 120.0
"""Seconds that no test takes, unless it hangs."""

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["pytest", "tests.projections.programs"])


def counter() -> Synchronized[int]:
    """Make a number that processes share."""
    shared: Synchronized[int] = context.Value("q", 0)
    return shared


@contextmanager
def beside(program: Callable[..., None], *arguments: object) -> Iterator[ForkServerProcess]:
    """Run a program beside the test; at the end of the block it is killed, if it still runs."""
    process = context.Process(target=program, args=arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join(GENEROUS)
        process.close()


def run_to_its_end(*processes: ForkServerProcess) -> None:
    """Wait for programs that must end well."""
    for process in processes:
        process.join(GENEROUS)
        assert process.exitcode == 0


def wait_until(happened: Callable[..., bool], *arguments: object) -> None:
    """Look again and again until something has happened, which it must."""
    deadline = time.monotonic() + GENEROUS
    while not happened(*arguments):
        assert time.monotonic() < deadline
        time.sleep(0.001)
