"""Signals that come while a command runs: passed on at once, and told beside its output.

They are passed on where they come, as this process may be waiting then for who reads the output.

A signal from the keyboard (Ctrl-C, or the end of the terminal) goes to the whole foreground group,
so the command, which is part of it, has got it already. Any other came to this process alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType, TracebackType
from typing import Self

__all__ = ["PassedSignals"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True

_FROM_KEYBOARD = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})
_STOPS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
_PASSED = (*_STOPS, signal.SIGUSR1, signal.SIGUSR2)


class PassedSignals:
    """Takes signals for the command that runs, from the beginning of the block to its end.

    Attributes:
        told: the first signal that told the command to stop; None where none did.
    """

    def __init__(self) -> None:
        self.told: int | None = None
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._before: dict[int, object] = {}
        self._pid: int | None = None
        self._waiting: list[int] = []

    def fileno(self) -> int:
        """Give the descriptor that is readable when a signal came, or a child ended."""
        return self._reader

    def pass_on_to(self, pid: int) -> None:
        """Send the command what came since the beginning, and from here on what comes."""
        self._pid = pid
        while self._waiting:
            _send(pid, self._waiting.pop(0))

    def end(self) -> None:
        """Send nothing more: the command has ended, and its number may soon be another's."""
        self._pid = None

    def read(self) -> None:
        """Make the descriptor readable no longer, until something comes."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 512)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if number in _STOPS and self.told is None:
            self.told = number
        if number in _FROM_KEYBOARD and _in_foreground():
            return
        if self._pid is None:
            self._waiting.append(number)
        else:
            _send(self._pid, number)

    def __enter__(self) -> Self:
        """Take the signals, but for those that whoever started us had ignored."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (*_PASSED, signal.SIGCHLD):
            if number == signal.SIGCHLD:
                self._before[number] = signal.signal(number, _nothing)
            elif signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give them back."""
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type] # it was given by signal itself
        signal.set_wakeup_fd(-1)
        os.close(self._reader)
        os.close(self._writer)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Do nothing more: the number of the signal was written into the pipe."""


def _send(pid: int, number: int) -> None:
    # It may be gone, or belong to somebody else by now, as sudo does.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _in_foreground() -> bool:
    """Tell whether the keyboard of a terminal talks to this process's group."""
    for number in range(3):
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(number) == os.getpgrp():
                return True
    return False
