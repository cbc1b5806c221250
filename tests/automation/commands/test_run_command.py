"""``runfold run`` in a real process: what it says, what it records, how it exits."""

from __future__ import annotations

import json
import os
import platform
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from ledger import LogReader
from projections import RunHistory
from tests.automation.commands.processes import RUNFOLD, runfold, runfold_each, start
from tests.automation.waiting import is_alive, wait_until

ROOT = Path(__file__).parents[3]
JOBS = """
import os, sys, time

def good(stage):
    print("printed by python")
    os.system("echo printed by a child")
    stage.metric("rows", 3)

def bad():
    raise ValueError("[red]row[/red] 7\\x1b[2J\\u202e is bad")

def slow(stage):
    open(stage.parameters["begun"], "w").close()
    time.sleep(60)
"""


def write_pipeline(folder: Path, *stages: str, parameters: str = "") -> Path:
    """Write a pipeline file, and the module of its stages beside it."""
    (folder / "run_command_jobs.py").write_text(JOBS)
    path = folder / "nightly.toml"
    tables = "\n".join(f"[[stage]]\n{stage}" for stage in stages)
    path.write_text(f"[parameters]\n{parameters}\n{tables}\n")
    return path


GOOD = 'name = "good"\ncall = "run_command_jobs:good"'
BAD = 'name = "bad"\ncall = "run_command_jobs:bad"\nretries = 1'
SHELL = 'name = "shell"\nrun = "echo shell says $RUNFOLD_PARAM_DAY"'


def test_a_run_that_succeeds(tmp_path: Path) -> None:
    """Data is on stdout, progress and what stages print on stderr, and the exit code is 0."""
    write_pipeline(tmp_path, GOOD, SHELL, parameters='day = "x"')

    done = runfold(
        "run", "nightly.toml", "--param", "day=monday", "--metadata", "team=data",
        "--run-id", "r-1", cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0
    out, err = done.stdout.splitlines(), done.stderr.splitlines()
    assert out[0].startswith("run r-1 of nightly: success in ")
    assert [line.split()[:3] for line in out[3:5]] == [
        ["good", "1", "success"],
        ["shell", "1", "success"],
    ]
    assert "rows=3" in out[3]
    assert f"log  {tmp_path}/automation/logs/runs/events" in out
    assert err[0] == "run r-1 of nightly"
    assert {"printed by python", "printed by a child", "shell says monday"} <= set(err)
    assert err[-1] == "run r-1: success"
    with RunHistory(tmp_path / "automation/logs/runs") as history:
        summary = history.get_run("r-1")
    assert summary is not None
    assert (summary.metadata, summary.trigger) == ({"team": "data"}, "command line")


def test_a_run_that_fails(tmp_path: Path) -> None:
    """The exit code is 1, the reason is told, and nothing from an error acts on the terminal."""
    write_pipeline(tmp_path, GOOD, BAD, SHELL)

    done = runfold("run", "nightly.toml", "--dir", "runs", cwd=tmp_path)

    assert done.returncode == 1
    shown = r"ValueError: [red]row[/red] 7\x1b[2J\u202e is bad"
    assert f"Stage bad failed after 1 retry: {shown}" in done.stdout.splitlines()
    assert "bad failed" in done.stdout.splitlines()[-4]
    assert re.search(rf"bad \(attempt 2\): failed, .* m?s: {re.escape(shown)}", done.stderr)
    assert "Traceback" not in done.stderr
    assert not {"\x1b", "\u202e"} & set(done.stdout + done.stderr)


def test_a_run_is_not_recorded_here_where_a_ledger_elsewhere_is_named(tmp_path: Path) -> None:
    """RUNFOLD_URL alone is a mistake that names the way on; with a folder the run is recorded."""
    write_pipeline(tmp_path, GOOD)
    url = "http://127.0.0.1:9"

    (refused, _, told), (fine, _, _) = runfold_each(
        ["run", "nightly.toml"], ["run", "nightly.toml", "--dir", "runs"],
        cwd=tmp_path, RUNFOLD_URL=url,
    )  # fmt: skip

    assert (refused, fine) == (2, 0)
    assert "RUNFOLD_URL: runfold run records into a folder: name it by --dir" in told
    assert not (tmp_path / "automation").exists()


def test_json_is_the_summary(tmp_path: Path) -> None:
    """With --json and --quiet there is one object on stdout and nothing on stderr."""
    write_pipeline(tmp_path, GOOD, SHELL)

    done = runfold("run", "nightly.toml", "--dir", "runs", "--json", "--quiet", cwd=tmp_path)

    with RunHistory(tmp_path / "runs") as history:
        (summary,) = history.list_runs()
    assert done.returncode == 0
    assert json.loads(done.stdout) == summary.model_dump(mode="json")
    # Quiet is the display, and with it what shell stages print; Python stages print as they like.
    assert done.stderr == "printed by python\nprinted by a child\n"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)], ids=["SIGINT", "SIGTERM"]
)
@pytest.mark.parametrize("kind", ["python", "shell"])
def test_a_signal_stops_the_run(
    tmp_path: Path, number: signal.Signals, code: int, kind: str
) -> None:
    """The stage is ended, the run is recorded as stopped and shown, and the exit code tells."""
    begun = tmp_path / "begun"
    stage = {
        "python": 'name = "s"\ncall = "run_command_jobs:slow"',
        "shell": f"name = 's'\nrun = 'sleep 60 & echo $! > {begun}; wait'",
    }[kind]
    write_pipeline(tmp_path, stage, GOOD, parameters=f'begun = "{begun}"')

    process = start("run", "nightly.toml", "--dir", "runs", cwd=tmp_path)
    wait_until(begun.exists, "the stage begins")
    wait_until(lambda: kind == "python" or begun.read_text().endswith("\n"), "it is in full swing")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)

    assert process.returncode == code
    with RunHistory(tmp_path / "runs") as history:
        (summary,) = history.list_runs()
    assert (summary.result, summary.failure_reason) == ("stopped", None)
    assert [attempt.result for attempt in summary.attempts] == ["stopped"]
    assert out.decode().startswith(f"run {summary.run_id} of nightly: stopped in ")
    assert b"Traceback" not in err
    if kind == "shell":
        assert not is_alive(int(begun.read_text()))


def test_a_killed_run_is_told_by_the_next(tmp_path: Path) -> None:
    """A process that is killed records no end; the next run does, with host and pid."""
    begun = tmp_path / "begun"
    slow = 'name = "s"\ncall = "run_command_jobs:slow"'
    write_pipeline(tmp_path, slow, parameters=f'begun = "{begun}"')
    process = start("run", "nightly.toml", "--dir", "runs", "--run-id", "one", cwd=tmp_path)
    wait_until(begun.exists, "the stage begins")
    process.kill()
    process.communicate()
    with RunHistory(tmp_path / "runs") as history:
        (before,) = history.running_runs()

    write_pipeline(tmp_path, GOOD)
    runfold("run", "nightly.toml", "--dir", "runs", "--run-id", "two", cwd=tmp_path)

    assert (before.result, before.liveness) == (None, "presumed dead")
    types = [event.type for event in LogReader(tmp_path / "runs").read()]
    assert types[-4:] == ["run_started", "stage_started", "stage_completed", "run_ended"]
    assert types[:4] == ["ledger_created", "run_started", "stage_started", "run_abandoned"]
    with RunHistory(tmp_path / "runs") as history:
        dead = history.get_run("one")
    assert dead is not None
    assert dead.result == "failed"
    assert f"process {process.pid} on {platform.node()}" in (dead.failure_reason or "")


def test_on_a_terminal_the_stages_are_drawn(tmp_path: Path) -> None:
    """Progress is drawn in place there, and what stages print stands above it."""
    write_pipeline(tmp_path, GOOD, SHELL, BAD)
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [RUNFOLD, "run", "nightly.toml", "--dir", "runs", "--json"],
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "RUNFOLD_DIR": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=its_end,
    )
    os.close(its_end)
    drawn = _read_all(terminal)
    assert process.stdout is not None
    result = json.loads(process.stdout.read())
    process.stdout.close()

    assert process.wait() == 1
    assert result["result"] == "failed"
    assert "printed by python" in drawn
    assert "shell: shell says" in drawn
    assert r"[red]row[/red] 7\x1b[2J\u202e is bad" in drawn
    assert "\x1b[2J" not in drawn
    assert "good" in drawn
    assert "planned" in drawn


def _read_all(terminal: int) -> str:
    pieces = []
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            # Linux tells so that nobody writes any more.
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(terminal)
    return b"".join(pieces).decode()


def test_a_progress_that_nobody_reads_fails_no_run(tmp_path: Path) -> None:
    """The run goes on to its end where stdout and stderr are closed pipes."""
    write_pipeline(tmp_path, SHELL, 'name = "more"\nrun = "echo more"')
    process = start("run", "nightly.toml", "--dir", "runs", cwd=tmp_path)
    assert process.stderr is not None
    assert process.stdout is not None
    process.stderr.close()
    process.stdout.close()

    process.wait()

    with RunHistory(tmp_path / "runs") as history:
        (summary,) = history.list_runs()
    assert (summary.result, summary.stages_executed) == ("success", ("shell", "more"))


def test_the_sample_pipeline_runs(tmp_path: Path) -> None:
    """The pipeline that ships runs from anywhere, on the data that ships."""
    done = runfold("run", "market-data", "--dir", "runs", "--json", "--quiet", cwd=tmp_path)

    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert summary["stages_executed"] == ["translator", "analyzer", "merger"]
    assert summary["result"] == "success"
    assert (tmp_path / "automation/output/market-data/report.md").exists()
