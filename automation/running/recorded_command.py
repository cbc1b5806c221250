"""A command that is recorded as it is: what it prints passes through, and its tail is kept.

Its standard output and standard error stay two streams, to the byte; both are pipes, as for any
command behind a ``|``. Where it should see the terminal, no tail is kept and it gets the very
descriptors of this process.
"""

from __future__ import annotations

import fcntl
import os
import select
import selectors
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

from automation.running.output_tail import OutputTail
from automation.running.passed_signals import PassedSignals

__all__ = ["run_command"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True

_CHUNK = 1 << 16
_LINGER = 0.1


def run_command(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    signals: PassedSignals,
    tail: OutputTail | None,
) -> int:
    """Run a command to its end, and give its return code as ``subprocess`` does.

    What it left in the background keeps running; what that prints later is not read.

    Args:
        command: the program and its arguments.
        environment: all of its environment.
        signals: are passed on to it.
        tail: takes the end of what it prints; None leaves its output alone.

    Raises:
        OSError: it cannot be started.
    """
    output = None if tail is None else subprocess.PIPE
    process = subprocess.Popen(  # noqa: S603 - running a command is what this is for
        command, env=environment, stdout=output, stderr=output, bufsize=0
    )
    signals.pass_on_to(process.pid)
    with process, selectors.DefaultSelector() as selector:
        selector.register(signals, selectors.EVENT_READ)
        for stream, number in ((process.stdout, 1), (process.stderr, 2)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, number)
        while process.poll() is None:
            _pass_through(selector, signals, tail, None)
        signals.end()
        # What it printed before its end, however slowly that is taken from us.
        for key in [*selector.get_map().values()]:
            waiting = 0 if key.fileobj is signals else _waiting_in(key.fd)
            while waiting > 0 and key.fd in selector.get_map():
                waiting -= _pass_on(selector, key, tail)
        # What its own children add; they may keep the pipes open for as long as they like.
        deadline = time.monotonic() + _LINGER
        while len(selector.get_map()) > 1 and (left := deadline - time.monotonic()) > 0:
            _pass_through(selector, signals, tail, left)
    return process.returncode


def _pass_through(
    selector: selectors.BaseSelector,
    signals: PassedSignals,
    tail: OutputTail | None,
    patience: float | None,
) -> None:
    """Pass on what is printed next to where it belongs; a signal ends the wait for it."""
    for key, _ in selector.select(patience):
        if key.fileobj is signals:
            signals.read()
            continue
        _pass_on(selector, key, tail)


def _waiting_in(pipe: int) -> int:
    """Tell how many bytes can be read from a pipe now."""
    (waiting,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(waiting)


def _pass_on(
    selector: selectors.BaseSelector, key: selectors.SelectorKey, tail: OutputTail | None
) -> int:
    """Pass on one chunk of a pipe, and tell how long it was."""
    data = os.read(key.fd, _CHUNK)
    if data and tail is not None:
        tail.take(data)
    if not data or not _write(key.data, data):
        # With its end closed the command learns that nobody reads, as it would without us.
        selector.unregister(key.fileobj)
        key.fileobj.close()  # type: ignore[union-attr] # it is one of the two pipes
    return len(data)


def _write(number: int, data: bytes) -> bool:
    """Write all of it, and tell whether anybody reads there."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(number, rest) :]
        except BlockingIOError:
            select.select([], [number], [])
        except OSError:
            return False
    return True
