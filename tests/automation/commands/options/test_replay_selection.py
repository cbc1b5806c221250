"""What ``runfold replay`` selects, shows as a table, and goes on with."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from automation.commands import main
from ledger import EventLog
from ledger.plain_values import utc_text
from tests.automation.commands.processes import start
from tests.automation.waiting import wait_until
from tests.ledger.examples import acknowledgement, one_run, run_annotated
from tests.ledger.witness import raw_lines


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Give a log of three runs, one after the other, over several segments."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, segment_bytes=2_000) as log:
        for number in range(3):
            for event in one_run(f"r{number}"):
                log.append(event)
        log.append(run_annotated("r1", "\x1b[31mred\u202e\nsecond line"))
    return folder


class Replayed:
    """What one call of the command came to."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        """Keep the exit code and both streams."""
        self.code = code
        self.lines = out.splitlines()
        self.text = out.decode()
        self.err = err.decode()


class Replay:
    """Calls the command on one log, in this process."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        """Replay the log in ``folder``."""
        self._folder = folder
        self._capture = capture

    def __call__(self, *arguments: object) -> Replayed:
        """Give what was printed."""
        code = main(["replay", "--dir", str(self._folder), *map(str, arguments)])
        captured = self._capture.readouterr()
        return Replayed(code, captured.out, captured.err)


@pytest.fixture
def replay(ledger: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Replay:
    """Give what calls the command."""
    return Replay(ledger, capfdbinary)


def values(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """Parse lines of the log."""
    return [json.loads(line) for line in lines]


def test_up_to_a_position(ledger: Path, replay: Replay) -> None:
    """The line at the position is the last, whatever comes behind; 0 is before all."""
    lines = raw_lines(ledger)

    assert replay("--until", 5).lines == lines[:5]
    assert replay("--until", 5, "--after", 2).lines == lines[2:5]
    assert replay("--until", 10_000).lines == lines
    assert replay("--until", 0).lines == []
    assert replay("--until", 3, "--after", 7).lines == []


def test_as_of_a_time(ledger: Path, replay: Replay) -> None:
    """The last line is the last one recorded at that time or before, in whatever zone."""
    lines = raw_lines(ledger)
    recorded = [value["recorded_at"] for value in values(lines)]
    last = len([time for time in recorded if time <= recorded[6]])
    moment = datetime.fromisoformat(recorded[6])

    assert replay("--until", recorded[6]).lines == lines[:last]
    assert replay("--until", moment.isoformat()).lines == lines[:last]
    assert replay("--until", utc_text(moment)[:-1] + "+00:00").lines == lines[:last]
    earlier = utc_text(datetime.fromisoformat(recorded[0]) - timedelta(microseconds=1))
    assert replay("--until", earlier).lines == []
    assert replay("--until", "2999-01-01T00:00:00+09:00").lines == lines
    assert replay("--until", "2999-01-01").lines == lines
    assert replay("--after", recorded[6]).lines == lines[last:]
    assert replay("--after", earlier, "--until", recorded[6]).lines == lines[:last]
    assert replay("--after", "1h").lines == replay("--after", "2026-01-15").lines == lines
    assert replay("--after", "2999-01-01").lines == []
    assert replay("--until", "1d").lines == replay("--until", "2026-01-15").lines == []


def test_the_events_of_some_types(ledger: Path, replay: Replay) -> None:
    """One type or several; a type that the log does not hold gives nothing."""
    lines = raw_lines(ledger)
    wanted = {"run_ended", "run_annotated"}

    assert replay("--type", "run_ended", "--type", "run_annotated").lines == [
        line for line in lines if json.loads(line)["type"] in wanted
    ]
    assert replay("--type", "run_imported").lines == []


def test_all_that_was_asked_for_holds_at_once(ledger: Path, replay: Replay) -> None:
    """A run, its types and both ends; a run that begins behind the end is no unknown one."""
    (ended,) = replay("--run", "r1", "--type", "run_ended").lines
    position = json.loads(ended)["position"]
    until = values(raw_lines(ledger))[position - 1]["recorded_at"]

    assert replay("--run", "r1", "--until", position, "--after", position - 1).lines == [ended]
    assert replay("--run", "r1", "--until", until, "--type", "run_ended").lines == [ended]
    assert replay("--run", "r1", "--until", position - 1, "--type", "run_ended").lines == []
    before = replay("--run", "r2", "--until", 2)
    assert (before.code, before.lines) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("--type", "run_start"), 2, "did you mean run_started?"),
        (("--type", "RUN_ENDED"), 2, "there are ledger_created, run_started"),
        (("--until", "yesterday"), 2, "neither a position, nor a date, nor like 7d"),
        (("--until", "-1"), 2, "neither a position, nor a date, nor like 7d"),
        (("--until", "٣"), 2, "neither a position, nor a date, nor like 7d"),
        (("--until", "2026-01-15T10:00:00"), 2, "like 2026-01-15T10:00:00Z"),
        (("--until", "2026-01-15T10"), 2, "has no zone: add its offset, or Z"),
        (("--until", "1h", "--follow"), 2, "it must be a position"),
        (("--until", "0001-01-01T00:00:00+09:00"), 2, "beyond the calendar"),
        (("--until", "9" * 5_000), 2, "no log has so many positions"),
        (("--until", "2026-01-15T10:00:00Z", "--follow"), 2, "it must be a position"),
        (("--after", "-1"), 2, "--after: '-1' is neither a position, nor a date, nor like 7d"),
        (("--after", "1h", "--until", "2h"), 2, "Z is before --after, which is 20"),
        (("--format", "xml"), 2, "--format"),
        (("--run", "nobody"), 3, "there is no run 'nobody'"),
        (("--run", "nobody", "--follow"), 3, "there is no run 'nobody'"),
        (("--run", "r1", "--dir", "/nowhere"), 3, "no ledger in /nowhere"),
    ],
)
def test_what_cannot_be_selected_is_one_clear_line(
    replay: Replay, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    """Nothing is printed on stdout, and the exit code tells usage from not found."""
    done = replay(*arguments)

    assert (done.code, done.lines) == (code, [])
    assert reason in done.err
    assert len(done.err.splitlines()) == 1


def test_a_table_has_a_row_for_each_event(ledger: Path, replay: Replay) -> None:
    """Position, time, run, type and what matters; nothing of it reaches the terminal as control."""
    done = replay("--format", "table")

    header, *rows = done.text.splitlines()
    assert header.split() == ["position", "recorded", "at", "run", "type", "what", "matters"]
    assert len(rows) == len(raw_lines(ledger))
    assert rows[4].split()[0] == "5"
    assert "r0" in rows[4]
    assert rows[4].endswith("success, 2.00 s")
    assert rows[-1].endswith("anna: \\x1b[31mred\\u202e second line")
    assert all(row == row.rstrip() for row in rows)


def test_the_table_of_one_run_leaves_its_id_out(replay: Replay) -> None:
    """It would be the same on every row."""
    header, *rows = replay("--format", "table", "--run", "r2").text.splitlines()

    assert "run  " not in header
    assert not any("r2" in row for row in rows)
    assert [row.split()[3] for row in rows] == [
        "run_started",
        "stage_started",
        "stage_completed",
        "run_ended",
    ]


def test_a_long_table_is_aligned_from_its_first_row_to_its_last(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Rows are written as they come, under one header, in columns that stay where they are."""
    with EventLog.open(tmp_path / "runs", durability="process") as log:
        log.append_batch([acknowledgement("x" * 300) for _ in range(1_000)])
    replay = Replay(tmp_path / "runs", capfdbinary)

    header, *rows = replay("--follow", "--format", "table", "--until", "1001").text.splitlines()

    assert len(rows) == 1_001
    assert {row.index("failure_ack") for row in rows[1:]} == {header.index("type")}


@contextmanager
def following(folder: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Follow a log in a process of its own, and end that at the latest when the block is left."""
    with start("replay", "--dir", folder, "--follow", *arguments, cwd=folder.parent) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[bytes]) -> bytes:
    """Wait for the next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline()


def test_what_is_appended_is_followed_until_ctrl_c(ledger: Path) -> None:
    """Each event is printed as soon as it is acknowledged, byte for byte; Ctrl-C gives 130."""
    there = len(raw_lines(ledger))
    with EventLog.open(ledger, segment_bytes=2_000) as log, following(ledger) as process:
        for position in range(there + 20):
            if position >= there:
                log.append(acknowledgement(f"note {position}"))
            line = next_line(process)
            assert line == raw_lines(ledger)[position] + b"\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (130, b"", b"")


def test_only_what_was_selected_is_followed(ledger: Path) -> None:
    """Run, types and the last position hold for what comes, too."""
    there = len(raw_lines(ledger))
    selected = ("--run", "r1", "--type", "run_annotated", "--until", there + 4)
    with EventLog.open(ledger) as log, following(ledger, *selected) as process:
        assert json.loads(next_line(process))["position"] == there
        log.append(acknowledgement())
        log.append(run_annotated("r2"))
        log.append(run_annotated("r1", "yes"))
        assert json.loads(next_line(process))["data"]["note"] == "yes"
        log.append(run_annotated("r2"))
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (0, b"", b"")


def test_a_table_can_be_followed(ledger: Path) -> None:
    """The header is printed once, the rows as they come."""
    with EventLog.open(ledger) as log, following(ledger, "--format", "table") as process:
        for _ in range(len(raw_lines(ledger)) + 1):
            next_line(process)
        log.append(acknowledgement("new"))

        assert next_line(process).endswith(b"anna: new\n")


@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "longer"])
def test_a_log_that_is_replaced_while_it_is_followed_ends_it(ledger: Path, *, longer: bool) -> None:
    """Another log in its place is never taken for more of the same: exit 4, and a clear line."""
    other = ledger.with_name("other")
    there = len(raw_lines(ledger))
    with EventLog.open(other) as log:
        log.append_batch([acknowledgement() for _ in range(there + 5 if longer else 1)])
    with following(ledger) as process:
        for _ in range(there):
            next_line(process)
        ledger.rename(ledger.with_name("before"))
        other.rename(ledger)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (4, b"")
    assert len(err.splitlines()) == 1
    assert b"was replaced or cut" in err


def test_a_log_that_was_cut_before_the_position_is_not_followed(ledger: Path) -> None:
    """Who has read further than the log reaches is told so, instead of waiting for ever."""
    with following(ledger, "--after", len(raw_lines(ledger)) + 1) as process:
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (4, b"")
    assert b"was replaced or cut" in err


def test_a_reader_of_a_followed_log_may_leave(ledger: Path) -> None:
    """The next event finds the pipe closed, and that is no error."""
    with EventLog.open(ledger) as log, following(ledger) as process:
        assert process.stdout is not None
        process.stdout.close()
        log.append(acknowledgement())
        wait_until(lambda: process.poll() is not None, "it ends")
        assert process.stderr is not None

        assert (process.returncode, process.stderr.read()) == (0, b"")
