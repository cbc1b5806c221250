"""``runfold replay``: the log, byte for byte."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from automation.commands import main
from ledger import EventLog, RunContext
from tests.automation.commands.processes import RUNFOLD


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Give a log of three runs over many segments, with a text that no terminal should see."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, segment_bytes=2_000) as log:
        for number in range(3):
            metadata = {"text": "€ \x1b[2J \u202e", "number": number}
            with RunContext.start(log, pipeline="p", run_id=f"r{number}", metadata=metadata) as run:
                for stage in "abc":
                    with run.stage(stage):
                        pass
    return folder


def segments(folder: Path) -> list[Path]:
    """Give the segment files in order."""
    return sorted((folder / "events").iterdir())


class Replay:
    """Replays one log, in this process, and takes what is printed."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        """Replay the log in ``folder``."""
        self.folder = folder
        self._capture = capture

    def __call__(self, *arguments: str) -> bytes:
        """Give the bytes on stdout; there are none on stderr."""
        assert main(["replay", "--dir", str(self.folder), *arguments]) == 0
        captured = self._capture.readouterr()
        assert captured.err == b""
        return captured.out


@pytest.fixture
def replayed(ledger: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Replay:
    """Give what replays the log."""
    return Replay(ledger, capfdbinary)


def test_all_events_are_the_segments_joined(ledger: Path, replayed: Replay) -> None:
    """What is printed is to the byte what lies in the files."""
    assert len(segments(ledger)) > 3
    assert replayed() == b"".join(path.read_bytes() for path in segments(ledger))


def test_the_events_after_a_position(replayed: Replay) -> None:
    """The output begins with the line after the position; after the last there is nothing."""
    lines = replayed().splitlines(keepends=True)

    assert replayed("--after", "7") == b"".join(lines[7:])
    assert replayed("--after", str(len(lines))) == b""


def test_the_events_of_one_run(replayed: Replay) -> None:
    """Only its lines are printed, as they lie in the log, and a position counts in the log."""
    lines = replayed().splitlines(keepends=True)
    own = [line for line in lines if json.loads(line)["run_id"] == "r1"]

    assert replayed("--run", "r1") == b"".join(own)
    last = json.loads(own[-1])["position"]
    assert replayed("--run", "r1", "--after", str(last - 2)) == b"".join(own[-2:])
    assert replayed("--run", "r1", "--after", str(last)) == b""


def test_the_beginning_of_an_id_is_enough(ledger: Path, replayed: Replay) -> None:
    """Where only one run begins so, it is meant, as where a run is shown."""
    with EventLog.open(ledger) as log:
        RunContext.start(log, pipeline="p", run_id="other-run").end("success")

    assert replayed("--run", "other") == replayed("--run", "other-run")
    assert replayed("--run", "other").count(b"\n") == 2


@pytest.mark.parametrize(
    ("run_id", "code", "line"),
    [
        ("x", 3, "there is no run 'x' in "),
        ("r", 2, "several runs begin with 'r': r0, r1, r2"),
        ("../r1", 2, "run id: '../r1' is not one"),
    ],
)
def test_an_unknown_run_is_not_found(
    ledger: Path, run_id: str, code: int, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A run that is not there is told apart from one without events after a position."""
    exited = main(["replay", "--dir", str(ledger), "--run", run_id])

    captured = capfd.readouterr()
    assert (exited, captured.out) == (code, "")
    assert captured.err.startswith(f"runfold: {line}")


def test_a_reader_may_leave_early(tmp_path: Path) -> None:
    """A pipe that is closed in the middle is no error, and nothing is said."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, durability="process") as log:
        metadata = {"text": "x" * 60_000}
        for _ in range(20):
            RunContext.start(log, pipeline="p", metadata=metadata).end("success")
    process = subprocess.Popen(
        [RUNFOLD, "replay", "--dir", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()

    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_replaying_leaves_the_folder_as_it_is(ledger: Path, replayed: Replay) -> None:
    """Not a byte and not a time of a file changes."""

    def state() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in ledger.rglob("*")}

    before = state()
    replayed()
    replayed("--run", "r1")

    assert state() == before
