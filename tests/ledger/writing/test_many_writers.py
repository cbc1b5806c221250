"""Many writers at once: processes, threads, forked children and tasks lose nothing."""

from __future__ import annotations

import asyncio
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger import EventLog, Receipt
from ledger.errors import IllegalTransition, SequenceConflict
from tests.ledger.examples import acknowledgement, one_run, run_started, stage_started
from tests.ledger.processes import PATIENCE, finish, running, say_of, start, tell
from tests.ledger.witness import assert_whole, mark_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a data folder that is not there yet."""
    return tmp_path / "runs"


def ids_in(folder: Path) -> list[str]:
    """Check the log and give the ids of all its events but the first."""
    lines = assert_whole(folder)
    assert mark_of(folder)[2] == len(lines)
    return [line["event_id"] for line in lines[1:]]


def test_processes(folder: Path) -> None:
    """Four processes append at once, from the making of the folder on: one whole chain."""
    writers = [start("append", folder, 50) for _ in range(4)]
    said = [event_id for writer in writers for event_id in finish(writer)]

    assert sorted(ids_in(folder)) == sorted(said)
    assert len(said) == 200


def test_threads(folder: Path) -> None:
    """Threads share one log; each gets its own receipts, in its own order."""
    with EventLog.open(folder) as log, ThreadPoolExecutor(16) as pool:

        def write(number: int) -> list[Receipt]:
            return [log.append(event) for event in one_run(f"run-{number}")]

        several = list(pool.map(write, range(40)))

    for number, receipts in enumerate(several):
        assert [receipt.run_id for receipt in receipts] == [f"run-{number}"] * 4
        assert [receipt.sequence for receipt in receipts] == [1, 2, 3, 4]
        positions = [receipt.position for receipt in receipts]
        assert positions == sorted(positions)
    said = [receipt.event_id for receipts in several for receipt in receipts]
    assert sorted(ids_in(folder)) == sorted(said)


def test_tasks(folder: Path) -> None:
    """Async tasks append at once without blocking their loop, and refusals find their task."""

    async def write(log: EventLog, number: int) -> list[Receipt]:
        receipts = await log.append_async(*one_run(f"run-{number}"))
        with pytest.raises(IllegalTransition):
            await log.append_async(stage_started(f"run-{number}"))
        return receipts

    async def write_all() -> list[list[Receipt]]:
        with EventLog.open(folder) as log:
            assert await log.append_async() == []
            return await asyncio.gather(*(write(log, number) for number in range(50)))

    several = asyncio.run(write_all())

    assert [receipts[0].run_id for receipts in several] == [f"run-{number}" for number in range(50)]
    assert len(ids_in(folder)) == 200


def test_a_cancelled_task_takes_nobody_with_it(folder: Path) -> None:
    """Tasks that are cancelled while they append leave a whole log, and the others' receipts."""

    async def write_all() -> list[Receipt | BaseException]:
        with EventLog.open(folder) as log:
            tasks = [asyncio.create_task(append(log)) for _ in range(60)]
            await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    async def append(log: EventLog) -> Receipt:
        return (await log.append_async(acknowledgement()))[0]

    outcomes = asyncio.run(write_all())

    said = {outcome.event_id for outcome in outcomes if isinstance(outcome, Receipt)}
    assert len(said) == 40
    assert said <= set(ids_in(folder))


def test_threads_and_tasks_of_several_loops_share_one_log(folder: Path) -> None:
    """Two event loops in two threads and plain threads append to one log at once."""

    async def write(log: EventLog) -> list[Receipt]:
        several = await asyncio.gather(*(log.append_async(acknowledgement()) for _ in range(20)))
        return [receipt for receipts in several for receipt in receipts]

    with EventLog.open(folder) as log, ThreadPoolExecutor(4) as pool:
        looped = [pool.submit(lambda: asyncio.run(write(log))) for _ in range(2)]
        plain = [
            pool.submit(lambda: [log.append(acknowledgement()) for _ in range(20)])
            for _ in range(2)
        ]
        said = [receipt.event_id for done in (*looped, *plain) for receipt in done.result()]

    assert sorted(ids_in(folder)) == sorted(said)


def test_forked_children(folder: Path) -> None:
    """Children that were forked without exec go on with the parent's log, beside the parent."""
    *said, codes = finish(start("fork_writers", folder, 3, 20))

    assert codes == "codes 0 0 0"
    assert len(said) == 80
    assert set(said) < set(ids_in(folder))
    assert len(ids_in(folder)) == 81


def test_a_child_of_a_child_closes_nothing_of_its_own(folder: Path) -> None:
    """A second fork finds the log already let go of, and no other file is closed."""
    (said,) = finish(start("fork_twice", folder))

    kept, event_id = said.split()
    assert kept == "8"
    assert ids_in(folder) == [event_id]


def test_a_child_may_sync_and_close_what_it_inherited(folder: Path) -> None:
    """With unsynced events of the parent, a child's sync and close harm neither of them."""
    assert finish(start("fork_unsynced", folder)) == ["code 0"]

    assert len(ids_in(folder)) == 3


def test_a_fork_in_the_middle_of_appends(folder: Path) -> None:
    """A child forked while threads append neither waits for their locks nor tears a line."""
    *said, codes = finish(start("fork_while_threads_append", folder))

    assert codes == "codes 0 0 0 0 0"
    assert sorted(ids_in(folder)) == sorted(said)


def test_one_run_by_two_processes(folder: Path) -> None:
    """Two writers start one run at once: one of them is told that it exists."""
    with EventLog.open(folder) as first, EventLog.open(folder) as second:
        gate = threading.Barrier(2)

        def begin(log: EventLog) -> str:
            gate.wait()
            try:
                log.append(run_started("r"), expected_sequence=0)
            except SequenceConflict as error:
                return f"there at {error.actual}"
            return "started"

        with ThreadPoolExecutor(2) as pool:
            outcomes = sorted(pool.map(begin, [first, second]))

    assert outcomes == ["started", "there at 1"]


def test_interrupts_block_nobody(folder: Path) -> None:
    """A main thread that is interrupted in its appends, again and again, holds no one up."""
    with running("append_interrupted", folder) as writer:
        for _ in range(40):
            assert say_of(writer) == "appending"
            writer.send_signal(signal.SIGINT)
        rest, complaints = writer.communicate(timeout=PATIENCE)

    assert writer.returncode == 0, complaints
    said = {line.split()[1] for line in rest.splitlines() if line.startswith("id ")}
    assert len(said) > 3
    assert said <= set(ids_in(folder))


def test_an_interrupt_while_waiting_leaves_the_lock_free(folder: Path) -> None:
    """A writer interrupted while another one holds the lock does not keep the lock afterwards."""
    with EventLog.open(folder) as log, running("append_after_interrupt", folder) as waiter:
        assert say_of(waiter) == "opened"
        with running("hold_lock", folder) as holder:
            assert say_of(holder) == "held"
            tell(waiter)
            assert say_of(waiter) == "waiting"
            waiter.send_signal(signal.SIGINT)
            assert say_of(waiter) == "interrupted"
        assert say_of(waiter) == "appended"

        assert log.append(acknowledgement()).durable
