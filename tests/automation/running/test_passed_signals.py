"""Signals are passed on to a command, whenever they come and whosever it is."""

from __future__ import annotations

import os
import signal
import subprocess

from automation.running.passed_signals import PassedSignals
from tests.ledger.interleaving import in_fork

_NOBODY = 65534


def test_what_came_before_the_command_was_there_is_passed_on() -> None:
    """It was begun meanwhile, and is told then."""
    with PassedSignals() as signals:
        signal.raise_signal(signal.SIGTERM)
        with subprocess.Popen(["sleep", "60"]) as command:
            signals.pass_on_to(command.pid)

    assert command.returncode == -signal.SIGTERM
    assert signals.told == signal.SIGTERM


def test_a_command_of_somebody_else_is_waited_for_all_the_same() -> None:
    """A program like sudo runs as another user, whom nobody may send a signal."""
    am_root = os.geteuid() == 0
    of_root = os.getpid() if am_root else 1

    def tell_it() -> None:
        if am_root:
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        with PassedSignals() as signals:
            signals.pass_on_to(of_root)
            signal.raise_signal(signal.SIGTERM)
        assert signals.told == signal.SIGTERM

    assert in_fork(tell_it) == 0


def test_nothing_is_sent_once_the_command_has_ended() -> None:
    """Its number may be that of another process by then."""
    with subprocess.Popen(["sleep", "60"]) as other:
        with PassedSignals() as signals:
            signals.pass_on_to(other.pid)
            signals.end()
            signal.raise_signal(signal.SIGTERM)
        other.kill()

    assert other.returncode == -signal.SIGKILL
