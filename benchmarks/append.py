"""Appending, against a bare ``write`` and ``fdatasync`` of the same bytes on the same disk.

Run: ``python -m benchmarks.append [folder]``
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import compare, per_second, report, timed
from ledger import EventLog, NewEvent
from ledger.events import EventData, RunEnded, RunStarted, StageCompleted, StageStarted
from ledger.writers.machine import this_writer

CALLS = 1_000
ROUNDS = 5
EACH = 100
WRITERS = 64


def started() -> RunStarted:
    """Give a start like that of a real pipeline."""
    return RunStarted(pipeline="nightly", stages=("a", "b", "c"), writer=this_writer())


def run_of_eight() -> list[EventData]:
    """Give the events of one whole run of three stages."""
    events: list[EventData] = [started()]
    for stage in ("a", "b", "c"):
        events.append(StageStarted(stage=stage, attempt=1))
        events.append(
            StageCompleted(stage=stage, attempt=1, metrics={"rows": 1}, elapsed_seconds=0.5)
        )
    events.append(RunEnded(result="success", elapsed_seconds=2.0))
    return events


def one_stage(run: str, count: int) -> list[NewEvent]:
    """Give events that may follow each other in one run, ``count`` of them."""
    events = [NewEvent(started(), run)]
    for number in range(1, count // 2 + 1):
        events.append(NewEvent(StageStarted(stage="a", attempt=number), run))
        events.append(NewEvent(StageCompleted(stage="a", attempt=number, elapsed_seconds=0.5), run))
    return events[:count]


def bare_appends(path: Path, chunk: bytes, count: int) -> None:
    """Write and sync the same bytes again and again."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(count):
        os.write(fd, chunk)
        os.fdatasync(fd)
    os.close(fd)


def single(folder: Path) -> None:
    """Measure one durable event a call; the events are made before, as the bare bytes are."""
    log = EventLog.open(folder / "single")
    streams = iter([one_stage(f"run-{number}", CALLS) for number in range(ROUNDS + 1)])

    def ours() -> None:
        for event in next(streams):
            log.append(event)

    chunk = b"x" * 460
    figure = compare(
        "one event", ours, lambda: bare_appends(folder / "bare1", chunk, CALLS), rounds=ROUNDS
    )
    over = (figure.ours - figure.bare) / CALLS * 1e6
    report(
        f"one durable event a call: {per_second(CALLS, figure.ours)},"
        f" bare {per_second(CALLS, figure.bare)}: {figure.ratio:.2f} of bare, {over:.0f} µs over it"
    )
    log.close()


def batches(folder: Path) -> None:
    """Measure a run of eight events in one commit."""
    log = EventLog.open(folder / "batches")
    numbers = iter(range(1_000_000))
    data = run_of_eight()

    def ours() -> None:
        for _ in range(EACH * 4):
            run = f"run-{next(numbers)}"
            log.append_batch([NewEvent(item, run) for item in data], fresh_run=True)

    chunk = b"x" * (8 * 460)
    figure = compare("run of 8", ours, lambda: bare_appends(folder / "bare8", chunk, EACH * 4))
    report(
        f"a run of 8 in one commit: {per_second(EACH * 32, figure.ours)} events,"
        f" bare {per_second(EACH * 32, figure.bare)}: {figure.ratio:.2f} of bare"
    )
    log.close()


def in_threads(log: EventLog, writers: int, tag: str) -> float:
    """Let threads append at once; give seconds."""
    streams = [one_stage(f"{tag}-{number}", EACH) for number in range(writers)]

    def write(events: list[NewEvent]) -> None:
        for event in events:
            log.append(event)

    threads = [threading.Thread(target=write, args=(events,)) for events in streams]
    return timed(lambda: _run_all(threads))


def _run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_tasks(log: EventLog, writers: int, tag: str) -> float:
    """Let async tasks append at once; give seconds."""
    streams = [one_stage(f"{tag}-{number}", EACH) for number in range(writers)]

    async def write(events: list[NewEvent]) -> None:
        for event in events:
            await log.append_async(event)

    async def main() -> None:
        await asyncio.gather(*(write(events) for events in streams))

    return timed(lambda: asyncio.run(main()))


def concurrent(folder: Path, kind: str, write: Callable[[EventLog, int, str], float]) -> None:
    """64 writers against one, in one process."""
    log = EventLog.open(folder / kind)
    ratios = []
    for number in range(3):
        alone = write(log, 1, f"one{number}") / EACH
        together = write(log, WRITERS, f"many{number}") / (EACH * WRITERS)
        ratios.append((alone / together, 1 / together))
    ratio, rate = sorted(ratios)[1]
    report(f"64 {kind} against one: {ratio:.1f} times its rate ({rate:,.0f} events/s)")
    log.close()


def _process_ours(folder: Path, tag: str, begin: float) -> None:
    log = EventLog.open(folder)
    first, *others = one_stage(tag, EACH)
    time.sleep(max(0.0, begin - time.time()))
    # As whoever starts a run does, who has just made up its id.
    log.append_batch([first], fresh_run=True)
    for event in others:
        log.append(event)
    log.close()


def _process_bare(path: Path, _tag: str, begin: float) -> None:
    time.sleep(max(0.0, begin - time.time()))
    bare_appends(path, b"x" * 460, EACH)


def in_processes(target: Callable[[Path, str, float], None], path: Path, tag: str) -> float:
    """Let 64 processes append at once; give seconds from a common start."""
    begin = time.time() + 4.0
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=target, args=(path, f"{tag}-{number}", begin))
        for number in range(WRITERS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return time.time() - begin


def processes(folder: Path) -> None:
    """64 processes on one log, against 64 bare ones on one file."""
    EventLog.open(folder / "processes").close()
    pairs = []
    for number in range(3):
        ours = in_processes(_process_ours, folder / "processes", f"p{number}")
        bare = in_processes(_process_bare, folder / "bare64", "")
        pairs.append((bare / ours, ours))
    ratio, ours = sorted(pairs)[1]
    rate = EACH * WRITERS / ours
    report(f"64 processes against 64 bare: {ratio:.2f} of bare ({rate:,.0f} events/s)")


def main() -> None:
    """Measure everything in a folder, which should lie on the disk in question."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        single(folder)
        batches(folder)
        concurrent(folder, "threads", in_threads)
        concurrent(folder, "tasks", in_tasks)
        processes(folder)


if __name__ == "__main__":
    main()
