"""Run the real command line in a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["RUNFOLD", "runfold", "runfold_each", "start"]

RUNFOLD = Path(sys.executable).parent / "runfold"
_END = "\x1e"
_ONE_AFTER_THE_OTHER = f"""
import json, sys
from automation.commands import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    print(code, end={_END!r}, flush=True)
    print(end={_END!r}, file=sys.stderr, flush=True)
"""


def _environment(cwd: Path) -> dict[str, str]:
    """Give an environment as people have it: nothing set for us, and Python's own buffering.

    What is kept for a person, like tokens, is theirs no more: it goes into the working folder.
    """
    ours = ("RUNFOLD_", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    own = {"PYTHONDONTWRITEBYTECODE": "1", "XDG_CONFIG_HOME": str(cwd.absolute() / "config")}
    return {**kept, **own}


def start(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start the command line; SIGINT is not ignored in it, whoever started the tests."""
    return subprocess.Popen(
        [RUNFOLD, *map(str, arguments)],
        cwd=cwd,
        env={**_environment(cwd), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_take_interrupts,  # noqa: PLW1509 - it only sets a signal's disposition
    )


def _take_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def runfold(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    process = start(*arguments, cwd=cwd, **environment)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out.decode(), err.decode())


def runfold_each(
    *commands: Sequence[object], cwd: Path, **environment: str
) -> list[tuple[int, str, str]]:
    """Run commands one after the other in one process: to begin takes longer than most of them.

    Returns:
        Of each the exit code, what it printed on stdout, and on stderr.
    """
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", _ONE_AFTER_THE_OTHER, words],
        cwd=cwd,
        env={**_environment(cwd), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    outs, errs = done.stdout.split(_END)[:-1], done.stderr.split(_END)[:-1]
    return [(int(out[-1]), out[:-1], err) for out, err in zip(outs, errs, strict=True)]
