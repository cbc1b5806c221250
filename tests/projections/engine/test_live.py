"""Watching the log from an event loop: what another process appends is told."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from ledger import LogReader
from projections.engine.live import positions
from tests.ledger.examples import one_run
from tests.projections.ledgers import append
from tests.projections.processes import GENEROUS, beside, counter
from tests.projections.programs import append_runs


async def until(position: int, told: AsyncIterator[int]) -> list[int]:
    """Collect positions up to one."""
    seen = []
    async for reached in told:
        seen.append(reached)
        if reached >= position:
            break
    return seen


def test_what_another_process_appends_is_told(tmp_path: Path) -> None:
    """The position comes at once and then whenever it has moved, each one once and in order."""
    append(tmp_path, one_run("mine"))

    async def watch() -> list[int]:
        async with asyncio.timeout(GENEROUS):
            async with aclosing(positions(LogReader(tmp_path), asyncio.Event())) as told:
                first = await anext(told)
                with beside(append_runs, tmp_path, 20, counter(), 0.02):
                    return [first, *await until(45, told)]

    seen = asyncio.run(watch())

    assert (seen[0], seen[-1]) == (5, 45)
    assert len(seen) > 2
    assert seen == sorted(set(seen))


def test_it_ends_when_it_is_told_to_stop(tmp_path: Path) -> None:
    """A server that shuts down sets one event, and all that watch come to their end."""
    append(tmp_path, one_run("mine"))

    async def watch() -> list[list[int]]:
        stop = asyncio.Event()
        async with asyncio.timeout(GENEROUS), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(until(99, positions(LogReader(tmp_path), stop))) for _ in range(3)
            ]
            await asyncio.sleep(0.05)
            stop.set()
        return [task.result() for task in tasks]

    assert asyncio.run(watch()) == [[5], [5], [5]]


def test_one_that_leaves_does_not_stop_the_others(tmp_path: Path) -> None:
    """A listener that goes away ends its own watch, not the event that all of them share."""
    append(tmp_path, one_run("mine"))

    async def watch() -> list[int]:
        stop, reader = asyncio.Event(), LogReader(tmp_path)
        async with asyncio.timeout(GENEROUS), aclosing(positions(reader, stop)) as stays:
            first = await anext(stays)
            async with aclosing(positions(reader, stop)) as leaves:
                await anext(leaves)
            assert not stop.is_set()
            await asyncio.to_thread(append, tmp_path, one_run("another"))
            return [first, *await until(9, stays)]

    seen = asyncio.run(watch())

    assert (seen[0], seen[-1]) == (5, 9)


def test_a_task_that_watches_can_be_cancelled(tmp_path: Path) -> None:
    """A cancellation ends the watch and goes on to whoever waits for it."""
    append(tmp_path, one_run("mine"))

    async def watch() -> None:
        task = asyncio.create_task(until(99, positions(LogReader(tmp_path), asyncio.Event())))
        await asyncio.sleep(0.05)
        task.cancel()
        async with asyncio.timeout(GENEROUS):
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watch())


def test_without_a_watcher_the_log_is_still_polled(tmp_path: Path) -> None:
    """Where the folder that is watched went away and came back, only polling sees what is new."""
    folder, aside = tmp_path / "runs", tmp_path / "aside"
    append(folder, one_run("mine"))

    async def watch() -> list[int]:
        async with asyncio.timeout(GENEROUS):
            async with aclosing(positions(LogReader(folder), asyncio.Event())) as told:
                first = await anext(told)
                shutil.copytree(folder, aside)
                shutil.rmtree(folder)
                await asyncio.to_thread(append, aside, one_run("another"))
                aside.rename(folder)
                return [first, *await until(9, told)]

    seen = asyncio.run(watch())

    assert (seen[0], seen[-1]) == (5, 9)
