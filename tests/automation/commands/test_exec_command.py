"""``runfold exec`` records a command, and is otherwise as if it were not there."""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import IO

import pytest

from automation.commands import main
from ledger import LogReader, RecordedEvent
from projections import RunHistory, RunSummary
from tests.automation.commands.processes import RUNFOLD, runfold, start
from tests.automation.waiting import wait_until
from tests.ledger.remote.small_ledger import small_ledger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for a log."""
    return tmp_path / "runs"


def execute(folder: Path, *command: str, options: tuple[str, ...] = ()) -> int:
    """Run a command in this process."""
    return main(["exec", "--pipeline", "nightly", "--dir", str(folder), *options, "--", *command])


def the_run(folder: Path) -> RunSummary:
    """Give the one run there is."""
    with RunHistory(folder) as history:
        [run] = history.list_runs()
    return run


def last_of_stage(folder: Path) -> RecordedEvent:
    """Give the event that ended the stage."""
    *_, last, _end = LogReader(folder).read_run(the_run(folder).run_id)
    return last


def test_a_command_that_ends_well(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its output passes through as two streams, and its end is kept; it finds its run."""
    script = 'echo out; echo err >&2; echo "$RUNFOLD_STAGE $RUNFOLD_ATTEMPT $RUNFOLD_RUN_ID"'
    options = ("--run-id", "r", "--metadata", "day=2026-01-15")

    assert execute(folder, "/bin/sh", "-c", script, options=options) == 0

    out, err = capfd.readouterr()
    run = the_run(folder)
    assert (out, err) == ("out\nsh 1 r\n", "err\n")
    assert (run.run_id, run.result, run.stages_executed) == ("r", "success", ("sh",))
    assert (run.pipeline, run.trigger, run.metadata) == ("nightly", "exec", {"day": "2026-01-15"})
    assert run.parameters == {"command": f"/bin/sh -c '{script}'"}
    tail = getattr(last_of_stage(folder).data, "output_tail", "")
    assert sorted(tail.splitlines()) == ["err", "out", "sh 1 r"]


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        ("echo gone wrong; exit 3", 3, "CommandFailed: exit status 3: gone wrong"),
        ("kill -KILL $$", 137, "CommandFailed: killed by SIGKILL"),
        ("exit 255", 255, "CommandFailed: exit status 255"),
    ],
)
def test_the_exit_code_is_the_commands_own(
    folder: Path, script: str, code: int, reason: str
) -> None:
    """A signal that ended it counts from 128, as a shell has it."""
    assert execute(folder, "sh", "-c", script) == code

    run = the_run(folder)
    assert (run.result, run.failure_reason) == ("failed", f"Stage sh failed: {reason}")


def test_a_command_that_cannot_run_is_recorded_too(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """127 where there is none, 126 where it may not be run, as a shell has it."""
    plain = tmp_path / "plain"
    plain.write_text("")

    assert execute(folder, "no-such-program") == 127
    assert execute(folder, str(plain), options=("--stage", "load/plain")) == 126

    assert "runfold: no-such-program: No such file" in capfd.readouterr().err
    with RunHistory(folder) as history:
        assert [run.stages_failed for run in history.list_runs()] == [
            ("load/plain",),
            ("no-such-program",),
        ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pipeline", "p", "true"], "there is no command behind a --"),
        (["--pipeline", "p", "--"], "there is no command behind a --"),
        (["--", "true"], "--pipeline"),
        (["--pipeline", "p", "--dir", "a", "--url", "http://b", "--", "true"], "not allowed with"),
        (["--pipeline", "p", "--metadata", "x", "--", "true"], "NAME=VALUE"),
        (["--pipeline", "p", "--url", "http://u:p@b", "--", "true"], "RUNFOLD_TOKEN"),
        (["--pipeline", "p", "--url", "ftp://b", "--", "true"], "url: 'ftp://b' is not like http"),
        (["--pipeline", "p", "--url", "b:8000", "--", "true"], "--url: 'b:8000' is not like http"),
        (["--pipeline", "no name", "--dir", "a", "--", "true"], "pipeline"),
    ],
)
def test_wrong_usage_runs_nothing(
    words: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line says what is wrong; the code is that of wrong usage."""
    words = [str(tmp_path / "a") if word == "a" else word for word in words]

    assert main(["exec", *words]) == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "a" / "writers").exists() or not list((tmp_path / "a/writers").iterdir())


def test_a_folder_that_cannot_be_written_runs_nothing(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing runs unrecorded."""
    folder.write_text("")

    assert execute(folder, "touch", str(tmp_path / "ran")) == 1
    assert "cannot write the ledger" in capfd.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_help_and_the_list_of_commands_name_it(capfd: pytest.CaptureFixture[str]) -> None:
    """It answers by itself, and stands among the others."""
    assert main(["exec", "--help"]) == 0
    assert "--no-tail" in capfd.readouterr().out
    assert main(["--help"]) == 0
    assert "Record any command" in capfd.readouterr().out


def test_output_is_passed_on_to_the_byte(folder: Path, tmp_path: Path) -> None:
    """A megabyte of anything at all; the event keeps the last 8 KiB."""
    data = bytes(range(256)) * 4096
    (tmp_path / "data").write_bytes(data)
    with (tmp_path / "copy").open("wb") as copy:
        command: list[str | Path] = [
            RUNFOLD,
            "exec",
            "--pipeline",
            "p",
            "--dir",
            str(folder),
            "--",
            "cat",
            "data",
        ]
        assert subprocess.run(command, stdout=copy, cwd=tmp_path, check=False).returncode == 0

    assert (tmp_path / "copy").read_bytes() == data
    tail = getattr(last_of_stage(folder).data, "output_tail", "")
    assert 0 < len(tail) <= 8192


def test_a_reader_that_has_enough_ends_the_command(folder: Path, tmp_path: Path) -> None:
    """As in a pipeline of the shell without us; standard input is the command's own."""
    ours = f"{RUNFOLD} exec --pipeline p --dir {folder} --"
    done = subprocess.run(
        ["sh", "-c", f"yes | {ours} cat | head -n 2"],
        capture_output=True,
        cwd=tmp_path,
        timeout=60,
        check=True,
    )

    assert done.stdout == b"y\ny\n"
    assert the_run(folder).result == "failed"


def test_without_a_tail_the_command_has_our_own_descriptors(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """So it sees a terminal where there is one; nothing of its output is kept."""
    script = "import os; print(os.fstat(1).st_ino, flush=True)"
    assert execute(folder, sys.executable, "-c", script, options=("--no-tail",)) == 0

    assert capfd.readouterr().out.strip() == str(os.fstat(1).st_ino)
    assert getattr(last_of_stage(folder).data, "output_tail", "") is None


def test_what_is_left_in_the_background_is_not_waited_for(folder: Path) -> None:
    """A daemon keeps the output open for as long as it likes."""
    assert execute(folder, "sh", "-c", "sleep 30 & echo $!") == 0

    tail = getattr(last_of_stage(folder).data, "output_tail", "")
    os.kill(int(tail), signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_goes_to_the_command(folder: Path, tmp_path: Path, number: int) -> None:
    """It ends in its own way, with its own code, and the run is recorded as stopped."""
    script = f"trap 'echo told; exit 7' {number}; echo ready; while :; do sleep 0.01; done"
    process = start(
        "exec", "--pipeline", "p", "--dir", folder, "--", "sh", "-c", script, cwd=tmp_path
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"

    process.send_signal(number)

    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == (b"told\n", 7)
    assert the_run(folder).result == "stopped"


def is_full(pipe: IO[bytes]) -> bool:
    """Tell whether a pipe holds all it can, but for a rest of a page."""
    waiting = int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)
    return waiting > fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) - mmap.PAGESIZE


def test_a_signal_reaches_a_command_whose_output_nobody_reads(folder: Path, tmp_path: Path) -> None:
    """It is told at once, though its output waits meanwhile in a pipe that is full."""
    told = tmp_path / "told"
    script = f"trap 'touch {told}; kill $!; exit 7' TERM; echo ready; yes & wait"
    process = start(
        "exec", "--pipeline", "p", "--dir", folder, "--", "sh", "-c", script, cwd=tmp_path
    )
    out = process.stdout
    assert out is not None
    assert out.readline() == b"ready\n"
    wait_until(lambda: is_full(out), "the pipe is full")

    process.send_signal(signal.SIGTERM)

    wait_until(told.exists, "the command is told")
    process.communicate(timeout=60)
    assert process.returncode == 7
    assert the_run(folder).result == "stopped"


def test_a_command_is_recorded_at_a_ledger_elsewhere(tmp_path: Path) -> None:
    """By one variable; its secrets stay here, by the rules that ship and those named."""
    with small_ledger(tmp_path / "runs") as ledger:
        done = runfold(
            *("exec", "--pipeline", "p", "--run-id", "r", "--"),
            *("sh", "-c", "echo iban=DE00; echo token=abcdef1; exit 4"),
            cwd=tmp_path,
            RUNFOLD_URL=ledger.url,
            RUNFOLD_SPOOL=str(tmp_path / "spools"),
            RUNFOLD_REDACT="iban",
        )
        lines = [event.line for event in ledger.log.read_run("r")]

    assert (done.returncode, done.stdout) == (4, "iban=DE00\ntoken=abcdef1\n")
    assert len(lines) == 4
    assert b"iban=[redacted]\\ntoken=[redacted]" in lines[2]
    assert not any(b"DE00" in line or b"abcdef1" in line for line in lines)


def test_it_imports_no_more_than_it_needs(folder: Path) -> None:
    """Nothing that draws tables, reads models or makes them: it stands before short commands."""
    script = (
        "import sys; from automation.commands import main; main(sys.argv[1:]); print(*sys.modules)"
    )
    settings = folder.with_name("runfold.toml")
    settings.write_text(f'[ledger]\ndir = "{folder}"\n[redact]\nkeys = ["iban"]\n')
    loaded = subprocess.run(
        [sys.executable, "-c", script, "exec", "--pipeline", "p", "--", "true"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "RUNFOLD_CONFIG": str(settings)},
    ).stdout.split()

    heavy = {"typer", "rich", "tenacity", "asyncio", "sqlite3", "http.client", "projections"}
    heavy |= {"pydantic", "pydantic_settings", "importlib.metadata", "email", "logging", "ssl"}
    heavy |= {"random", "ledger.events"}
    assert not heavy & set(loaded)
    assert the_run(folder).result == "success"
