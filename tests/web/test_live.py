"""Following the log while a server runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
import pytest

from ledger import EventLog, RunContext
from projections import RunHistory
from tests.ledger.examples import one_run
from web.broadcast import Broadcast, Change
from web.live import follow, told_events

PATIENCE = 20.0


def record(folder: Path, *run_ids: str) -> int:
    """Record runs, and give the position after them."""
    with EventLog.open(folder) as log:
        for run_id in run_ids:
            with RunContext.start(log, pipeline="nightly", run_id=run_id):
                pass
        return log.position


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that is about to be true."""
    with anyio.fail_after(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a log line or a file sets no event
            await anyio.sleep(0.01)


def test_the_events_between_two_positions_are_told(tmp_path: Path) -> None:
    """Each is told once, in order, with its run and the pipeline of that."""
    first = record(tmp_path, "run-1")
    last = record(tmp_path, "run-2", "run-3")
    with RunHistory(tmp_path) as history:
        told = told_events(history, first, last)
    assert [event.position for event in told] == list(range(first + 1, last + 1))
    assert [event.run_id for event in told] == ["run-2"] * 2 + ["run-3"] * 2
    assert {event.pipeline for event in told} == {"nightly"}
    assert [event.type for event in told[:2]] == ["run_started", "run_ended"]


def test_events_around_damage_are_told(tmp_path: Path) -> None:
    """What is damaged is left out, and the rest told."""
    record(tmp_path, "run-1", "run-2")
    [segment] = (tmp_path / "events").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"run_ended", b"run_xnded")
    segment.write_bytes(b"".join(lines))
    with RunHistory(tmp_path) as history:
        told = told_events(history, 0, 5)
    assert [event.position for event in told] == [1, 2, 4, 5]


def test_a_move_is_published_when_the_view_shows_it(tmp_path: Path) -> None:
    """Who hears of a position finds all of it in the history."""
    record(tmp_path, "run-1")
    broadcast = Broadcast()

    async def check() -> None:
        with RunHistory(tmp_path) as history:
            async with anyio.create_task_group() as group:
                group.start_soon(follow, history, broadcast)
                await until(lambda: broadcast.latest is not None)
                last = record(tmp_path, "run-2")
                await until(lambda: bool(broadcast.latest and broadcast.latest.position == last))
                assert history.catch_up() == last
                group.cancel_scope.cancel()

    anyio.run(check)


def test_what_the_events_were_is_read_for_who_listens(tmp_path: Path) -> None:
    """A change that nobody waits for says how far the log is, and no more."""
    record(tmp_path, "run-1")
    broadcast = Broadcast()

    async def moved(run_id: str) -> Change:
        with EventLog.open(tmp_path) as log:
            # As one, so that it is one change.
            last = log.append_batch(one_run(run_id))[-1].position
        await until(lambda: broadcast.position == last)
        assert broadcast.latest is not None
        return broadcast.latest

    async def check() -> None:
        with RunHistory(tmp_path) as history:
            async with anyio.create_task_group() as group:
                group.start_soon(follow, history, broadcast)
                await until(lambda: broadcast.latest is not None)
                assert (await moved("run-2")).events is None
                group.start_soon(partial(broadcast.beyond, broadcast.position, patience=PATIENCE))
                await until(lambda: broadcast.is_listened_to)
                events = (await moved("run-3")).events or ()
                assert {event.run_id for event in events} == {"run-3"}
                # It was woken, which takes a moment.
                await until(lambda: not broadcast.is_listened_to)
                group.cancel_scope.cancel()

    anyio.run(check)


def test_a_failure_is_told_once_and_outlived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the view cannot be built nothing is published; when it can again, all goes on."""
    last = record(tmp_path, "run-1")
    pointer = tmp_path / "read-models" / "current"
    pointer.unlink(missing_ok=True)
    pointer.mkdir(parents=True)
    broadcast = Broadcast()

    async def check() -> None:
        with RunHistory(tmp_path) as history:
            async with anyio.create_task_group() as group:
                group.start_soon(follow, history, broadcast)
                await until(lambda: bool(caplog.records))
                assert broadcast.latest is None
                pointer.rmdir()
                await until(lambda: bool(broadcast.latest and broadcast.latest.position == last))
                group.cancel_scope.cancel()

    anyio.run(check)
    [told] = caplog.messages
    assert "cannot be followed" in told
