"""A shell command that is running: one process group, and one pipe for all that it prints.

Guarantees. When ``wait`` or ``end`` returns, the shell has been waited for: no zombie is left. When
``end`` returns, nothing of the group runs any more, unless it is stuck in the kernel. The pipe is
read all the time, so a command never blocks on its output, not even while it is told to end.

What the shell left in the background when it ended by itself keeps running, as it would in a
terminal; what that prints later is not read.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, Self, cast

from automation.errors import StageTimeout
from automation.running.process_group import any_runs, send_signal
from automation.running.stopping import StopRequest

__all__ = ["RunningCommand"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True

_CHUNK = 1 << 16
_FIRST_LOOK, _LOOK_AGAIN = 0.001, 0.05
_LINGER, _LAST_WORDS = 0.5, 0.1
_KILL_PATIENCE = 2.0


class RunningCommand:
    """A shell, and what it started."""

    def __init__(
        self,
        command: str,
        *,
        environment: Mapping[str, str],
        take: Callable[[bytes], None],
        stop: StopRequest,
        grace: float,
    ) -> None:
        """Start ``command`` in ``/bin/sh``.

        Args:
            command: what the shell is to run.
            environment: all of its environment.
            take: is given what the command prints, as it comes.
            stop: ends the command when the run is to end.
            grace: seconds between SIGTERM and SIGKILL.
        """
        self._take = take
        self._stop = stop
        self._grace = grace
        self._process = subprocess.Popen(  # noqa: S603 - running a command is what this is for
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            bufsize=0,
            # A session of its own: Ctrl-C in the terminal reaches only us, and we end the group.
            start_new_session=True,
        )
        self._output = cast("IO[bytes]", self._process.stdout)
        os.set_blocking(self._output.fileno(), False)
        self._reading = True
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._selector.register(stop, selectors.EVENT_READ)

    def wait(self, timeout: float | None) -> int:
        """Wait for the shell to end, and give its return code as ``subprocess`` does.

        Raises:
            StageTimeout: it took longer than ``timeout`` seconds.
            KeyboardInterrupt, Terminated: the run is to end (see ``StopRequest.check``).
        """
        began = time.monotonic()
        look = _FIRST_LOOK
        while (status := self._process.poll()) is None:
            left = None if timeout is None else began + timeout - time.monotonic()
            if timeout is not None and left is not None and left <= 0:
                raise StageTimeout(timeout)
            self._stop.check()
            was_reading = self._reading
            self._read_for(look if left is None else min(look, left))
            # The end of a shell whose output others keep open makes no noise, so it is looked for;
            # it comes at once where its output has just ended.
            just_ended = was_reading and not self._reading
            look = _FIRST_LOOK if just_ended else min(look * 2, _LOOK_AGAIN)
        self._read_rest(_LINGER)
        return status

    def end(self) -> None:
        """End the whole group: SIGTERM, and after the grace SIGKILL."""
        # From here on the request to stop is known, and would keep waking the selector.
        self._selector.unregister(self._stop)
        for number, patience in ((signal.SIGTERM, self._grace), (signal.SIGKILL, _KILL_PATIENCE)):
            send_signal(self._process.pid, number)
            deadline = time.monotonic() + patience
            look = _FIRST_LOOK
            while not self._is_gone() and time.monotonic() < deadline:
                self._read_for(look)
                look = min(look * 2, _LOOK_AGAIN)
            if self._is_gone():
                # Its number may soon be another group's.
                break
        self._process.wait()
        self._read_rest(_LAST_WORDS)

    def _is_gone(self) -> bool:
        """Tell whether the shell has been waited for and nothing of its group runs."""
        return self._process.poll() is not None and not any_runs(self._process.pid)

    def _read_for(self, seconds: float) -> None:
        """Pass on what is printed next, at most one chunk; wait for it no longer than told."""
        ready = [key.fileobj for key, _ in self._selector.select(seconds)]
        if self._output not in ready:
            return
        data = self._output.read(_CHUNK)
        if data:
            self._take(data)
        elif data is not None:
            self._selector.unregister(self._output)
            self._reading = False

    def _read_rest(self, seconds: float) -> None:
        """Read to the end of the output, or for some seconds where somebody keeps it open."""
        deadline = time.monotonic() + seconds
        while self._reading and (left := deadline - time.monotonic()) > 0:
            self._read_for(left)

    def __enter__(self) -> Self:
        """Give the command itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the command where it was not waited for, and close the pipe."""
        try:
            if error is not None:
                self.end()
        finally:
            self._selector.close()
            self._output.close()
