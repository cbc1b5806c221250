"""``runfold import``: what it says and takes, and that no death of the process spoils it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.automation.commands.in_process import CommandLine
from tests.automation.commands.processes import runfold, start
from tests.automation.summaries import summary, write_lines
from tests.automation.waiting import wait_until
from tests.ledger.witness import assert_whole, segments_of

RUNS = 600


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a small file to import."""
    return write_lines(tmp_path / "old.jsonl", [summary("a"), summary("b"), summary("a")])


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line in this process, on a folder that is not there yet."""
    return CommandLine(tmp_path / "runs", capfd)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Give a file that takes a while."""
    lines = (summary(f"r{number}", retry_count=number) for number in range(RUNS))
    return write_lines(tmp_path / "large.jsonl", lines)


def imported(folder: Path) -> dict[str, dict[str, Any]]:
    """Check that a log is whole and has each run once; give the summaries by run."""
    lines = [line for line in assert_whole(folder) if line["type"] == "run_imported"]
    assert not [run_id for run_id, n in Counter(line["run_id"] for line in lines).items() if n > 1]
    return {line["run_id"]: line["data"]["summary"] for line in lines}


def wait_for_growth(process: subprocess.Popen[bytes], folder: Path, size: int) -> None:
    """Wait until a log has so many bytes, or the process that writes it has ended."""
    wait_until(
        lambda: (
            process.poll() is not None
            or sum(path.stat().st_size for path in segments_of(folder)) >= size
        ),
        "the log grows",
    )


def test_the_counts_are_data_and_the_progress_is_not(
    tmp_path: Path, run: CommandLine, file: Path
) -> None:
    """Stdout says how many runs were taken; importing again says that they were there."""
    first = runfold("import", file, "--dir", "runs", cwd=tmp_path)
    again = run("import", file)

    assert (first.returncode, first.stdout) == (0, "2 runs imported\n")
    assert first.stderr == "lines checked: 3; runs in them: 2\n"
    assert (again.code, again.out) == (0, "0 runs imported, 2 were there already\n")
    assert set(imported(tmp_path / "runs")) == {"a", "b"}
    assert len((tmp_path / "runs" / "runs.jsonl").read_bytes().splitlines()) == 2


def test_the_counts_as_json(run: CommandLine, file: Path) -> None:
    """The same, for programs; the source is what was given, or the file's name."""
    first = run("import", file, "--json", "--source", "the old host")
    again = run("import", file, "--json")

    counts = {"lines": 3, "runs": 2}
    assert first.json == {
        **counts,
        "imported": 2,
        "already_there": 0,
        "source": "the old host",
    }
    assert again.json == {
        **counts,
        "imported": 0,
        "already_there": 2,
        "source": "old.jsonl",
    }


def test_bad_lines_are_listed_and_nothing_is_taken(run: CommandLine, file: Path) -> None:
    """Each on a line of its own, safe for a terminal; no ledger is made."""
    write_lines(file, [summary("a"), summary("b", result="\x1b[2J"), summary("c", **{"\x1b": 1})])

    done = run("import", file)

    assert (done.code, done.out) == (2, "")
    heading, first, second = done.err.splitlines()
    assert heading.startswith("runfold: ")
    assert "nothing was taken" in heading
    assert first.startswith("  line 2: result: ")
    assert second.startswith("  line 3: \\x1b: an unknown key")
    assert not run.folder.exists()


def test_bad_lines_as_json(run: CommandLine, file: Path) -> None:
    """All are counted, the first 20 are listed."""
    write_lines(file, [b"no"] * 25)

    done = run("import", file, "--json")

    said = done.json
    assert (done.code, done.err) == (2, "")
    assert (said["imported"], said["refused_lines"], len(said["refused"])) == (0, 25, 20)
    assert said["refused"][0] == {"line": 1, "reason": "column 1: not JSON: expecting value"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nothing.jsonl",), "runfold: nothing.jsonl: No such file or directory"),
        (("/",), "runfold: /: Is a directory"),
        (("old.jsonl", "--timezone", "Europe/Berln"), "did you mean Europe/Berlin?"),
        ((), "Missing argument"),
    ],
)
def test_what_cannot_be_imported_is_a_mistake_in_usage(
    run: CommandLine, file: Path, arguments: tuple[str, ...], line: str
) -> None:
    """One line says what is wrong, and nothing is made."""
    with contextlib.chdir(file.parent):
        done = run("import", *arguments)

    assert (done.code, done.out) == (2, "")
    assert line in done.err
    assert len(done.err.splitlines()) == 1
    assert not run.folder.exists()


def test_killed_in_the_middle_then_imported_again(tmp_path: Path, large: Path) -> None:
    """However often it is killed and wherever, in the end the log has exactly the file's runs."""
    folder = tmp_path / "runs"
    killed = 0
    for grown in (1_000, 150_000):
        process = start("import", large, "--dir", folder, cwd=tmp_path)
        wait_for_growth(process, folder, grown)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed
    # The last line may be half a one.
    assert 0 < sum(path.read_bytes().count(b"\n") for path in segments_of(folder)) < RUNS

    done = runfold("import", large, "--dir", folder, "--json", cwd=tmp_path)

    said = json.loads(done.stdout)
    assert said["imported"] + said["already_there"] == RUNS
    assert min(said["imported"], said["already_there"]) > 0
    found = imported(folder)
    assert {run_id: run["retry_count"] for run_id, run in found.items()} == {
        f"r{number}": number for number in range(RUNS)
    }
    assert len((folder / "runs.jsonl").read_bytes().splitlines()) == RUNS


def test_an_interrupted_import_says_so_by_its_exit_code(tmp_path: Path, large: Path) -> None:
    """Ctrl-C ends it between two batches; what was taken stays, and the rest comes next time."""
    folder = tmp_path / "runs"
    process = start("import", large, "--dir", folder, cwd=tmp_path)
    wait_for_growth(process, folder, 1_000)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()

    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert 0 < len(imported(folder)) < RUNS
    assert runfold("import", large, "--dir", folder, cwd=tmp_path).returncode == 0
    assert len(imported(folder)) == RUNS


def test_two_imports_at_the_same_time_take_each_run_once(tmp_path: Path, large: Path) -> None:
    """Whoever comes second finds the run there, even where it is said to come from elsewhere."""
    folder = tmp_path / "runs"
    arguments = ("import", large, "--dir", folder, "--json")
    processes = [
        start(*arguments, "--source", source, cwd=tmp_path) for source in ("one", "one", "two")
    ]

    said = [json.loads(process.communicate()[0]) for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum(counts["imported"] for counts in said) == RUNS
    assert len(imported(folder)) == RUNS
