"""Hundreds of processes in a second: a process that has imported everything forks one for each.

``python -m tests.faults.workshop`` reads one JSON request a line and answers in one line:
``start`` forks a child that waits, ``go`` lets it run, ``wait`` gives its exit code. A tracer
attaches between the first two, so that it counts the child's own calls and nothing else.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.faults.programs import PROGRAMS, warm_up
from tests.faults.recorded_calls import RECORDED, Call, read_calls

__all__ = ["CALLS", "Job", "Workshop", "has_strace"]

CALLS = (
    "write",
    "pwrite64",
    "fdatasync",
    "fsync",
    "openat",
    "rename",
    "ftruncate",
    "truncate",
    "flock",
    "unlink",
    "mkdir",
)
"""The calls that change a ledger's folder, lock it or make it durable."""

_ROOT = Path(__file__).parents[2]
_PATIENCE = 60.0
_WHOLE = 8 * 1024 * 1024
_LIBC = ctypes.CDLL(None)
_PR_SET_PTRACER = 0x59616D61
_CALL = re.compile(r"^(\d+) +(\w+)\(")


def has_strace() -> bool:
    """Tell whether faults can be injected here."""
    return sys.platform == "linux" and shutil.which("strace") is not None


@dataclass
class Job:
    """A child of the workshop, and what it said."""

    pid: int
    output: Path
    tracer: subprocess.Popen[str] | None = None

    def said(self) -> list[list[str]]:
        """Give the words of every line that was said to its end."""
        whole = self.output.read_text().split("\n")[:-1]
        return [line.split() for line in whole]

    def acknowledged(self) -> list[str]:
        """Give the ids that were acknowledged, in order."""
        return [words[1] for words in self.said() if words[0] == "ack"]

    def errors(self) -> list[str]:
        """Give the names of the errors that it met."""
        return [words[1] for words in self.said() if words[0] == "error"]

    def complaints(self) -> str:
        """Give what it wrote to standard error."""
        return self.output.with_suffix(".err").read_text()

    def kill(self) -> None:
        """Kill it, as a process is killed that nobody asks."""
        os.kill(self.pid, signal.SIGKILL)


class Workshop:
    """Starts programs in processes of their own, under a tracer where a fault is wanted."""

    def __init__(self, scratch: Path) -> None:
        """Keep what the programs say in ``scratch``."""
        self._scratch = scratch
        self._number = 0
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.workshop"],
            cwd=_ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Give the workshop itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, and with it every child that still runs."""
        with self._server as server:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(_PATIENCE)

    def _ask(self, *request: object) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())

    def start(
        self,
        program: str,
        *arguments: object,
        inject: Sequence[str] = (),
        trace: Path | None = None,
        calls: Sequence[str] = CALLS,
    ) -> Job:
        """Start a program.

        Args:
            program: its name in ``programs.py``.
            arguments: what it is called with.
            inject: the faults, like ``fdatasync:error=EIO:when=2``.
            trace: where to write down its calls, with all bytes.
            calls: which ones.
        """
        self._number += 1
        output = self._scratch / f"{self._number}.out"
        # Killed early, a child has said nothing, and that is what there is to read.
        output.touch()
        output.with_suffix(".err").touch()
        job = Job(self._ask("start", str(output), program, *map(str, arguments)), output)
        if inject or trace is not None:
            job.tracer = _attach(job.pid, inject, trace, calls)
        self._ask("go", job.pid)
        return job

    def wait(self, job: Job) -> int:
        """Wait for the end of a program, and give its exit code; negative for a signal."""
        code: int = self._ask("wait", job.pid)
        if job.tracer is not None:
            with job.tracer as tracer:
                tracer.communicate(timeout=_PATIENCE)
        return code

    def run(self, program: str, *arguments: object, inject: Sequence[str] = ()) -> tuple[Job, int]:
        """Run a program to its end."""
        job = self.start(program, *arguments, inject=inject)
        return job, self.wait(job)

    def record(self, program: str, *arguments: object, inject: Sequence[str] = ()) -> list[Call]:
        """Run a program that must end well; give all that it did to files, and what it said."""
        trace = self._scratch / f"{self._number}.trace"
        job = self.start(program, *arguments, inject=inject, trace=trace, calls=RECORDED)
        assert self.wait(job) == 0, job.complaints()
        return list(read_calls(trace.read_text().splitlines()))

    def count_calls(self, program: str, *arguments: object) -> Counter[str]:
        """Run a program that must end well, and count the calls of its main thread."""
        trace = self._scratch / f"{self._number}.trace"
        job = self.start(program, *arguments, trace=trace)
        assert self.wait(job) == 0, job.complaints()
        calls = (_CALL.match(line) for line in trace.read_text().splitlines())
        return Counter(call[2] for call in calls if call and int(call[1]) == job.pid)


def _attach(
    pid: int, inject: Sequence[str], trace: Path | None, calls: Sequence[str]
) -> subprocess.Popen[str]:
    """Attach the tracer to a child that waits; come back when it sees every call."""
    faults = [word for fault in inject for word in ("-e", f"inject={fault}")]
    command = ["strace", "-f", "-e", f"trace={','.join(calls)}", "-e", "signal=none", *faults]
    if trace is not None:
        command += ["-xx", "-s", str(_WHOLE)]
    tracer = subprocess.Popen(
        [*command, "-o", str(trace or os.devnull), "-p", str(pid)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    assert "attached" in said, said
    return tracer


def _child(files: Sequence[int], gate: int, program: str, *arguments: str) -> None:
    """Wait at the gate, then run the program; never return.

    Nothing is opened here: the tracer may be there already, and would count it.
    """
    code = 1
    try:
        for number, fd in enumerate(files):
            os.dup2(fd, number)
            os.close(fd)
        _LIBC.prctl(_PR_SET_PTRACER, -1, 0, 0, 0)
        if os.read(gate, 1):
            os.close(gate)
            PROGRAMS[program](*arguments)
            code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it is told to whoever waits
        os.writev(2, [traceback.format_exc().encode()])
    finally:
        os._exit(code)


def _serve() -> None:
    """Do what is asked until nobody asks any more."""
    warm_up()
    gates: dict[int, int] = {}
    for request in sys.stdin:
        action, *words = json.loads(request)
        answer: int = 0
        if action == "start":
            reading, writing = os.pipe()
            said, complaints = words[0], Path(words[0]).with_suffix(".err")
            files = [os.open(os.devnull, os.O_RDONLY)]
            files += [os.open(path, os.O_WRONLY | os.O_APPEND) for path in (said, complaints)]
            answer = os.fork()
            if not answer:
                for gate in (writing, *gates.values()):
                    os.close(gate)
                _child(files, reading, *words[1:])
            for fd in (reading, *files):
                os.close(fd)
            gates[answer] = writing
        elif action == "go":
            gate = gates.pop(words[0])
            os.write(gate, b"!")
            os.close(gate)
        elif action == "wait":
            answer = os.waitstatus_to_exitcode(os.waitpid(words[0], 0)[1])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
