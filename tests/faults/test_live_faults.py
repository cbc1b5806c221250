"""Faults beside a second process: a failed sync, a stopped writer, rotations, another clock."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import LockTimeout
from ledger.integrity.verify import verify
from tests.faults.survival import assert_survived
from tests.faults.workshop import Workshop, has_strace
from tests.ledger.examples import acknowledgement
from tests.ledger.forging import altered, put_lines
from tests.ledger.witness import assert_whole, raw_lines, segments_of

needs_strace = pytest.mark.skipif(not has_strace(), reason="strace injects the faults: install it")
_PATIENCE = 30.0
_FUTURE = "2099-01-01T00:00:00.000000Z"


def fail_a_sync(workshop: Workshop, folder: Path, number: int, error: str) -> int:
    """Let one sync of one of two writers fail; give the number of errors that they met."""
    EventLog.open(folder).close()
    fault = f"fdatasync:error={error}:when={number}"
    # A sync of the other may serve this one too, but no more often than the other appends.
    failing = workshop.start("append_some", folder, "failing", 1 << 26, 70, inject=[fault])
    other = workshop.start("append_some", folder, "other", 1 << 26, 40)
    assert workshop.wait(failing) == 0, failing.complaints()
    assert workshop.wait(other) == 0, other.complaints()
    errors = failing.errors() + other.errors()
    # At the first sync nothing lies above the mark yet, so a copy may take the same name.
    assert "DurabilityUnknown" in errors
    acknowledged = [failing.acknowledged(), other.acknowledged()]
    assert [len(ids) for ids in acknowledged] == [139, 79]
    assert_survived(folder, acknowledged)
    assert len(segments_of(folder)) >= 2, "the poisoned segment was not replaced"
    return len(errors)


@needs_strace
@pytest.mark.parametrize("number", [2, 9])
def test_a_failed_sync_beside_a_second_writer(
    workshop: Workshop, tmp_path: Path, number: int, tally: Counter[str]
) -> None:
    """The segment is replaced, both writers go on, and no acknowledged event is lost."""
    assert fail_a_sync(workshop, tmp_path / "log", number, "EIO") >= 1
    tally["syncs that failed beside a second writer"] += 1


@needs_strace
@pytest.mark.faults
@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT"])
def test_any_failed_sync_beside_a_second_writer(
    workshop: Workshop, tmp_path: Path, error: str, tally: Counter[str]
) -> None:
    """Whichever of twenty syncs fails, both writers go on and no acknowledged event is lost."""
    for number in range(2, 21):
        assert fail_a_sync(workshop, tmp_path / str(number), number, error) >= 1
        tally["syncs that failed beside a second writer"] += 1


@needs_strace
def test_a_writer_that_is_stopped_in_its_write(
    workshop: Workshop, tmp_path: Path, tally: Counter[str]
) -> None:
    """Others give up in the time they were given and name its pid; continued, it goes on."""
    folder = tmp_path / "log"
    with EventLog.open(folder, lock_timeout=0.3) as log:
        log.append(acknowledgement())
        stopped = workshop.start(
            "append_some", folder, "w", 1 << 26, 5, inject=["write:signal=STOP:when=2"]
        )
        wait_until_stopped(stopped.pid)
        begin = time.monotonic()
        with pytest.raises(LockTimeout) as caught:
            log.append(acknowledgement("beside"))
        assert 0.25 < time.monotonic() - begin < 5
        assert caught.value.pid == stopped.pid
        assert str(stopped.pid) in str(caught.value)
        os.kill(stopped.pid, signal.SIGCONT)
        assert workshop.wait(stopped) == 0, stopped.complaints()
        log.append(acknowledgement("beside"))
    assert len(stopped.acknowledged()) == 9
    assert_survived(folder, [stopped.acknowledged()])
    tally["writers stopped with the lock held"] += 1


def wait_until_stopped(pid: int) -> None:
    """Wait until a process is stopped by a signal; its tracer shows it as a stop as well."""
    end = time.monotonic() + _PATIENCE
    while True:
        locks = Path("/proc/locks").read_text()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        if state in "Tt" and f" {pid} " in locks:
            first = Path(f"/proc/{pid}/syscall").read_text()
            time.sleep(0.05)
            if Path(f"/proc/{pid}/syscall").read_text() == first:
                return
        assert time.monotonic() < end, f"process {pid} is in state {state}"
        time.sleep(0.005)


def read_beside_rotations(workshop: Workshop, folder: Path, reads: int) -> int:
    """Read the whole log again and again while two writers rotate; give the segments seen."""
    EventLog.open(folder).close()
    jobs = [
        workshop.start("append_for_ever", folder, f"p{number}", 2, 50, 1200, "always")
        for number in range(2)
    ]
    seen = 0
    try:
        for _ in range(reads):
            events = list(LogReader(folder).read(seen))
            positions = [event.position for event in events]
            assert positions == list(range(seen + 1, seen + len(events) + 1))
            seen += len(events) // 2
            time.sleep(0.002)
    finally:
        for job in jobs:
            job.kill()
    for job in jobs:
        assert workshop.wait(job) == -9, job.complaints()
    assert_survived(folder, [job.acknowledged() for job in jobs])
    return len(segments_of(folder))


def test_a_reader_beside_rotations(workshop: Workshop, tmp_path: Path, tally: Counter[str]) -> None:
    """Every read sees each position once, in order, whatever rotates meanwhile."""
    made = read_beside_rotations(workshop, tmp_path / "log", 60)
    assert made > 5
    tally["rotations beside a reader"] += made


@pytest.mark.faults
def test_a_reader_beside_many_rotations(
    workshop: Workshop, tmp_path: Path, tally: Counter[str]
) -> None:
    """In a log of hundreds of tiny segments no read misses or doubles a position."""
    made = read_beside_rotations(workshop, tmp_path / "log", 1000)
    assert made > 50
    tally["rotations beside a reader"] += made


def test_a_clock_that_jumped_to_2099_and_back(tmp_path: Path) -> None:
    """``recorded_at`` stands still at 2099; positions, chain and ``occurred_at`` go on."""
    folder = tmp_path / "log"
    with EventLog.open(folder) as log:
        log.append(acknowledgement("in time"))
        log.append(acknowledgement("in 2099"))
    lines = raw_lines(folder)
    put_lines(folder, [*lines[:2], altered(lines[2], recorded_at=_FUTURE)])
    before = datetime.now(UTC)
    with EventLog.open(folder) as log:
        for number in range(3):
            log.append(acknowledgement(f"back {number}"))
    found = assert_whole(folder)
    assert [line["recorded_at"] for line in found[2:]] == [_FUTURE] * 4
    for line in found[3:]:
        assert before <= datetime.fromisoformat(line["occurred_at"]) <= datetime.now(UTC)
    assert verify(folder, jobs=1).sound


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime sets another clock")
def test_a_clock_a_day_behind(tmp_path: Path) -> None:
    """A writer whose clock runs a day behind appends behind the others all the same."""
    folder = tmp_path / "log"
    with EventLog.open(folder) as log:
        log.append(acknowledgement("today"))
    program = [sys.executable, "-m", "tests.ledger.programs", "append", str(folder), "3"]
    subprocess.run(["faketime", "-f", "-1d", *program], check=True, cwd=Path(__file__).parents[2])
    lines = assert_whole(folder)
    assert len(lines) == 5
    assert lines[-1]["recorded_at"] == lines[1]["recorded_at"]
    assert lines[-1]["occurred_at"] < lines[1]["occurred_at"]
