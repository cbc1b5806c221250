"""The standard streams: there whoever starts us, and stdout for the result alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from projections import RunHistory
from tests.automation.commands.processes import RUNFOLD

ROOT = Path(__file__).parents[4]


def test_what_is_printed_goes_to_stderr_in_order(tmp_path: Path) -> None:
    """Python and child processes alike are turned away from stdout, inside the block only."""
    program = (
        "import os\n"
        "from automation.commands.printing.standard_streams import stdout_goes_to_stderr\n"
        "print('before')\n"
        "with stdout_goes_to_stderr():\n"
        "    print('one'); os.system('echo two'); print('three'); os.system('echo four')\n"
        "print('after')\n"
    )
    err = tmp_path / "err"
    with err.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            stdout=subprocess.PIPE,
            stderr=file,
            check=True,
        )

    assert done.stdout.split() == [b"before", b"after"]
    assert err.read_text().split() == ["one", "two", "three", "four"]


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_closed_takes_no_harm(tmp_path: Path, closed: str) -> None:
    """What stages print ends up nowhere, and above all not in the log."""
    (tmp_path / "p.toml").write_text('[[stage]]\nname = "a"\nrun = "echo stray; echo more >&2"\n')
    command = f"{RUNFOLD} run p.toml --dir runs --run-id r {closed}"

    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, stdin=subprocess.DEVNULL, check=False
    )

    assert done.returncode == 0
    with RunHistory(tmp_path / "runs") as history:
        summary = history.get_run("r")
    assert summary is not None
    assert summary.attempts[0].output_tail == "stray\nmore\n"
    (segment,) = (tmp_path / "runs/events").iterdir()
    assert all(line.startswith(b'{"position":') for line in segment.read_bytes().splitlines())
