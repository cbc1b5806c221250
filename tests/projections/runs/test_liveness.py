"""Whether the writer of a run is still there: certain on its own machine, a guess elsewhere."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.disk.folder import LedgerFolder
from ledger.events import WriterIdentity
from ledger.writers.leases import keep_lease
from ledger.writers.machine import boot_id, machine_id, this_writer
from ledger.writers.writer_lock import WriterLock
from projections.runs.liveness import DEAD_AFTER, LATE_AFTER, judge_age, judge_liveness
from projections.runs.run_summary import Liveness
from tests.projections.ledgers import append
from tests.projections.processes import GENEROUS, beside, context
from tests.projections.programs import hold_run_open
from tests.projections.recorded import at

NOW = at(0)
TICK = timedelta(microseconds=1)
LONG_AGO = NOW - timedelta(days=400)
ELSEWHERE = WriterIdentity(host="worker-1", machine_id="elsewhere", boot_id=boot_id(), pid=1)


def here(*, pid: int, boot: str | None = None) -> WriterIdentity:
    """Name a process of this machine."""
    return WriterIdentity(
        host="worker-1", machine_id=machine_id(), boot_id=boot or boot_id(), pid=pid
    )


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), "live"),
        (-timedelta(days=1), "live"),
        (LATE_AFTER, "live"),
        (LATE_AFTER + TICK, "late"),
        (DEAD_AFTER, "late"),
        (DEAD_AFTER + TICK, "presumed dead"),
    ],
)
def test_a_writer_elsewhere_is_judged_by_its_last_event(
    tmp_path: Path, age: timedelta, expected: Liveness
) -> None:
    """It is late after a quarter of an hour and given up after a day; a clock ahead is no death."""
    folder = LedgerFolder(tmp_path)

    assert judge_age(NOW - age, NOW) == expected
    assert judge_liveness(folder, "run-1", ELSEWHERE, NOW - age, NOW) == expected
    assert judge_liveness(folder, "run-1", None, NOW - age, NOW) == expected


def test_a_run_without_a_time_is_late(tmp_path: Path) -> None:
    """Nothing tells how old it is, so it is neither called live nor dead."""
    assert judge_liveness(LedgerFolder(tmp_path), "run-1", None, None, NOW) == "late"


def test_a_writer_that_holds_its_lock_is_live(tmp_path: Path) -> None:
    """However long ago its last event was: a stage may take days."""
    append(tmp_path, [])
    folder = LedgerFolder(tmp_path)
    lock = WriterLock(folder, "run-1")

    assert judge_liveness(folder, "run-1", this_writer(), LONG_AGO, NOW) == "live"
    lock.forget_in_child()
    assert judge_liveness(folder, "run-1", this_writer(), NOW, NOW) == "presumed dead"


def test_a_writer_that_was_killed_is_presumed_dead(tmp_path: Path) -> None:
    """The kernel frees its lock, so this is known at once and without a heartbeat."""
    append(tmp_path, [])
    folder = LedgerFolder(tmp_path)
    said, saying = context.Pipe(duplex=False)
    with beside(hold_run_open, tmp_path, "run-1", saying) as process:
        assert said.poll(GENEROUS)
        assert process.pid is not None
        writer = here(pid=process.pid)
        assert judge_liveness(folder, "run-1", writer, LONG_AGO, NOW) == "live"

        process.kill()
        process.join(GENEROUS)

        assert judge_liveness(folder, "run-1", writer, NOW, NOW) == "presumed dead"


def test_without_a_lock_file_only_a_process_that_cannot_live_is_dead(tmp_path: Path) -> None:
    """Somebody removed the file: a living process of that number is believed, in this boot."""
    append(tmp_path, [])
    folder = LedgerFolder(tmp_path)

    assert judge_liveness(folder, "run-1", here(pid=os.getpid()), LONG_AGO, NOW) == "live"
    before = here(pid=os.getpid(), boot="an earlier boot")
    assert judge_liveness(folder, "run-1", before, NOW, NOW) == "presumed dead"


@pytest.mark.parametrize(
    ("since", "expected"),
    [(5, "live"), (30, "live"), (31, "late"), (60, "late"), (61, "presumed dead")],
)
@pytest.mark.parametrize("writer", [ELSEWHERE, here(pid=1, boot="an earlier boot")])
def test_a_lease_tells_wherever_the_writer_is(
    tmp_path: Path, writer: WriterIdentity, since: int, expected: Liveness
) -> None:
    """Also in a container, which has the machine's ids, and processes that are not seen here."""
    folder = LedgerFolder(tmp_path)
    keep_lease(folder, "run-1", now=NOW, seconds=30)
    now = NOW + timedelta(seconds=since)

    assert judge_liveness(folder, "run-1", writer, LONG_AGO, now) == expected
    assert judge_liveness(folder, "run-1", writer, now, now) == "live"
