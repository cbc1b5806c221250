"""Shell commands as stages, each in a real run."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from automation import CommandFailed, ShellCommand, StageTimeout
from automation.running.output_tail import TAIL_BYTES
from automation.running.stopping import Stopped, StopRequest
from ledger import EventLog, RunContext
from ledger.events import StageCompleted, StageFailed
from tests.automation.waiting import is_alive, wait_until


class Attempt:
    """One recorded attempt of a shell command."""

    def __init__(self, folder: Path, **parameters: object) -> None:
        """Record into ``folder``."""
        self.folder = folder
        self.stop = StopRequest()
        self.shown = bytearray()
        self.parameters = parameters

    def run(self, command: str, *, timeout: float | None = None, grace: float = 5.0) -> str | None:
        """Run the command as a stage, and give the tail that was recorded."""
        with EventLog.open(self.folder) as log:
            run = RunContext.start(log, pipeline="p", run_id="r", parameters=self.parameters)
            try:
                with self.stop, run, run.stage("s/one") as stage:
                    ShellCommand(command, grace).run(
                        stage, stop=self.stop, timeout=timeout, show=self.shown.extend
                    )
            finally:
                self.events = [event.data for event in log.read_run("r")]
        (tail,) = (
            data.output_tail
            for data in self.events
            if isinstance(data, StageCompleted | StageFailed)
        )
        return tail


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """Give an attempt in a new folder."""
    return Attempt(tmp_path / "runs")


def pids_in(path: Path, count: int) -> list[int]:
    """Wait until processes have written their pids, and give them."""
    wait_until(
        lambda: path.exists() and len(path.read_text().split()) >= count, "the command starts"
    )
    return [int(word) for word in path.read_text().split()]


def test_what_a_command_prints_is_shown_and_kept(attempt: Attempt) -> None:
    """Both streams are passed on as they come, and their tail stands in the event."""
    tail = attempt.run("echo out; echo err >&2; printf 'end'")

    assert tail == "out\nerr\nend"
    assert bytes(attempt.shown) == b"out\nerr\nend"


def test_of_much_output_the_tail_is_kept(attempt: Attempt) -> None:
    """All of it is shown, and the event keeps the last 8 KiB."""
    tail = attempt.run("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done")

    lines = "".join(f"line {number}\n" for number in range(5000))
    assert bytes(attempt.shown) == lines.encode()
    assert tail == lines[-TAIL_BYTES:]


def test_a_command_learns_what_it_is_part_of(tmp_path: Path) -> None:
    """Run, stage, attempt and parameters stand in its environment."""
    attempt = Attempt(tmp_path / "runs", day="2026-01-15", rows=3, dry=True, list=[1], none=None)

    tail = attempt.run("env | grep ^RUNFOLD_ | sort")

    assert tail == (
        "RUNFOLD_ATTEMPT=1\n"
        "RUNFOLD_PARAM_DAY=2026-01-15\n"
        "RUNFOLD_PARAM_DRY=true\n"
        "RUNFOLD_PARAM_LIST=[1]\n"
        "RUNFOLD_PARAM_NONE=null\n"
        "RUNFOLD_PARAM_ROWS=3\n"
        "RUNFOLD_RUN_ID=r\n"
        "RUNFOLD_STAGE=s/one\n"
    )


def test_a_parameter_of_any_name_becomes_a_variable(tmp_path: Path) -> None:
    """What a variable's name cannot hold becomes an underscore."""
    attempt = Attempt(tmp_path / "runs", **{"in-put.ä": "x = y\nz"})

    assert attempt.run('printf %s "$RUNFOLD_PARAM_IN_PUT__"') == "x = y\nz"


def test_a_command_has_no_input(attempt: Attempt) -> None:
    """A command that reads does not wait for somebody to type."""
    assert attempt.run("cat; echo read") == "read\n"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("echo one; echo two; exit 3", "exit status 3: two"),
        ("exit 9", "exit status 9"),
        ("echo at row 7; kill -SEGV $$", "killed by SIGSEGV: at row 7"),
        ("no-such-command-here", "exit status 127: "),
    ],
)
def test_a_command_that_fails_says_how(attempt: Attempt, command: str, problem: str) -> None:
    """The error holds the status or the signal and the last line, the event the tail too."""
    with pytest.raises(CommandFailed) as caught:
        attempt.run(command)

    assert str(caught.value).startswith(problem)
    (failed,) = (data for data in attempt.events if isinstance(data, StageFailed))
    assert failed.error.type == "CommandFailed"
    assert failed.error.message == str(caught.value)
    assert failed.output_tail == attempt.shown.decode()


def test_a_command_that_takes_too_long_is_ended(attempt: Attempt, tmp_path: Path) -> None:
    """All its processes end, and what it had printed is kept."""
    pids = tmp_path / "pids"
    with pytest.raises(StageTimeout, match=r"took longer than 1 s"):
        attempt.run(f"echo begun; sleep 60 & echo $! $$ > {pids}; wait", timeout=1.0)

    assert not [pid for pid in pids_in(pids, 2) if is_alive(pid)]
    (failed,) = (data for data in attempt.events if isinstance(data, StageFailed))
    assert failed.output_tail == "begun\n"


def test_a_stop_ends_the_shell_and_its_descendants(attempt: Attempt, tmp_path: Path) -> None:
    """Children and grandchildren end with the shell, those in the background too."""
    pids = tmp_path / "pids"
    script = tmp_path / "child.sh"
    script.write_text(f"sleep 60 & echo $! $$ >> {pids}; wait\n")

    def stop() -> None:
        pids_in(pids, 4)
        attempt.stop.request()

    threading.Thread(target=stop).start()
    with pytest.raises(Stopped):
        attempt.run(f"sh {script} & sh {script}; wait")

    assert not [pid for pid in pids_in(pids, 4) if is_alive(pid)]


def test_a_command_may_clean_up(attempt: Attempt, tmp_path: Path) -> None:
    """It is told by SIGTERM, may print more than a pipe holds, and is waited for."""
    ready, cleaned = tmp_path / "ready", tmp_path / "cleaned"

    def stop() -> None:
        wait_until(ready.exists, "the trap is set")
        attempt.stop.request()

    threading.Thread(target=stop).start()
    with pytest.raises(Stopped):
        attempt.run(
            f"trap 'head -c 200000 /dev/zero | tr \"\\0\" x; touch {cleaned}; exit 0' TERM;"
            f" touch {ready}; while :; do sleep 0.01; done"
        )

    assert cleaned.exists()
    assert attempt.shown.count(b"x") == 200_000


def test_who_ignores_the_signal_is_killed(attempt: Attempt, tmp_path: Path) -> None:
    """After its grace even a command that ignores SIGTERM is gone."""
    pids = tmp_path / "pids"

    def stop() -> None:
        pids_in(pids, 1)
        attempt.stop.request()

    threading.Thread(target=stop).start()
    with pytest.raises(Stopped):
        attempt.run(f"trap '' TERM; echo $$ > {pids}; while :; do sleep 0.01; done", grace=0.1)

    assert not is_alive(pids_in(pids, 1)[0])


def test_a_stop_before_the_command_starts_ends_it(attempt: Attempt) -> None:
    """A command whose run is to end already does not go on."""
    attempt.stop.request()

    with pytest.raises(Stopped):
        attempt.run("sleep 60")


@pytest.mark.parametrize("verbose", [False, True])
def test_what_stays_in_the_background_does_not_hold_the_stage(
    attempt: Attempt, tmp_path: Path, verbose: bool
) -> None:
    """The stage ends with its shell, though somebody keeps its output open, silent or not."""
    pids = tmp_path / "pids"
    left_behind = "(while :; do echo more; sleep 0.01; done)" if verbose else "sleep 60"

    tail = attempt.run(f"{left_behind} & echo $! > {pids}; echo done")

    (pid,) = pids_in(pids, 1)
    assert tail is not None
    assert "done\n" in tail
    if is_alive(pid):
        os.kill(pid, signal.SIGKILL)


def test_a_command_may_close_its_output(attempt: Attempt) -> None:
    """A command without an output is waited for all the same."""
    assert attempt.run("exec >&- 2>&-; sleep 0.1") == ""


def test_a_command_that_cannot_start_fails(attempt: Attempt) -> None:
    """What the system refuses to run is a failure of the stage."""
    with pytest.raises(ValueError, match="null byte"):
        attempt.run("echo \0")
