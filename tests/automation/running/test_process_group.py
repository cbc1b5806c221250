"""A process group as one thing."""

from __future__ import annotations

import os
import signal
import subprocess

from automation.running.process_group import any_runs, send_signal
from tests.automation.waiting import wait_until


def test_a_group_runs_as_long_as_any_of_it_does() -> None:
    """It runs on when its first process has ended, and no more when the last one has."""
    shell = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 & exit 0"], start_new_session=True, stdin=subprocess.DEVNULL
    )
    group = shell.pid
    shell.wait()

    assert any_runs(group)
    assert send_signal(group, signal.SIGKILL)
    wait_until(lambda: not any_runs(group), "the group is gone")


def test_the_dead_do_not_run() -> None:
    """A process that nobody has waited for yet is there, but does not run."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    assert send_signal(child, 0)
    assert not any_runs(child)

    os.waitpid(child, 0)
    assert not send_signal(child, 0)
    assert not any_runs(child)


def test_a_group_is_found_whatever_its_programs_are_called() -> None:
    """The name of a program may hold brackets and spaces."""
    child = os.fork()
    if child == 0:
        os.setsid()
        with open("/proc/self/comm", "w") as name:  # noqa: PTH123 - in a forked child, the least
            name.write("a) Z 1 (b")
        signal.pause()
    try:
        wait_until(lambda: any_runs(child), "the child leads a group")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
