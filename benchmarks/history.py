"""The read model of a big log: building it, its memory, and how soon an append is seen in it.

Run: ``python -m benchmarks.history [runs] [folder]`` (125,000 runs, a million events, by default).
A rebuild is measured in fresh processes, against what orjson needs to parse the same lines there.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.append import one_stage
from benchmarks.big_log import EVENTS_A_RUN, index_log, make_log
from benchmarks.measuring import report
from ledger import EventLog, LogReader
from projections import RunHistory
from projections.engine.live import positions

ROUNDS = 3
APPENDS = 200

_REBUILD = """
import os, resource, sys, time
cores = int(sys.argv[2])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
from ledger import LogReader
from projections.engine.candidate import rebuild
from projections.engine.projector import Projector
reader = LogReader(sys.argv[1])
projector = Projector(reader)
began = time.perf_counter()
rebuild(reader, projector)
seconds = time.perf_counter() - began
own, workers = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
print(seconds, max(resource.getrusage(who).ru_maxrss for who in (own, workers)))
"""
_PARSE = """
import os, sys, time
from pathlib import Path
import orjson
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
parse, seconds = orjson.loads, 0.0
for path in sorted(Path(sys.argv[1], "events").iterdir()):
    lines = path.read_bytes().splitlines()
    began = time.perf_counter()
    for line in lines:
        parse(line)
    seconds += time.perf_counter() - began
print(seconds)
"""
_APPEND = """
import sys, time
from benchmarks.append import one_stage
from ledger import EventLog
with EventLog.open(sys.argv[1]) as log:
    for event in one_stage(f"elsewhere-{log.position}", int(sys.argv[2])):
        receipt = log.append(event)
        print(receipt.position, time.monotonic(), flush=True)
        time.sleep(0.03)
"""


def in_fresh_process(script: str, *arguments: object) -> list[float]:
    """Run a script by itself, and give the numbers it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


def rebuild(folder: Path, runs: int) -> None:
    """Build the whole model, on one core and on two, against parsing alone on one."""
    for cores in (1, 2):
        figures = []
        for _ in range(ROUNDS):
            (parse,) = in_fresh_process(_PARSE, folder)
            seconds, peak = in_fresh_process(_REBUILD, folder, cores)
            figures.append((seconds / parse, seconds, parse, peak))
        ratio, seconds, parse, peak = sorted(figures)[ROUNDS // 2]
        report(
            f"rebuild of {runs:,} runs on {cores} core(s): {seconds:.1f} s,"
            f" parsing by orjson {parse:.1f} s: {ratio:.1f} times it; peak {peak / 1024:.0f} MB"
        )


def seen_here(folder: Path) -> None:
    """Append, and see it in the read model, in one process."""
    seconds = []
    with EventLog.open(folder) as log, RunHistory(folder) as history:
        for event in one_stage(f"here-{history.catch_up()}", APPENDS):
            log.append(event)
            began = time.perf_counter()
            history.catch_up()
            seconds.append(time.perf_counter() - began)
    report(f"append to visible, same process: {statistics.median(seconds) * 1e3:.1f} ms, median")


async def _watch(folder: Path, count: int) -> float:
    """Have another process append, and note when each position is in the model here."""
    history, stop = RunHistory(folder), asyncio.Event()
    first = history.catch_up()
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _APPEND, str(folder), str(count)), stdout=subprocess.PIPE
    )
    seen: dict[int, float] = {}
    async for _ in positions(history.reader, stop):
        position = await asyncio.to_thread(history.catch_up)
        for reached in range(max(seen, default=first) + 1, position + 1):
            seen[reached] = time.monotonic()
        if position >= first + count:
            stop.set()
    output, _ = await writer.communicate()
    history.close()
    told = [line.split() for line in output.decode().splitlines()]
    return statistics.median(seen[int(position)] - float(at) for position, at in told)


def seen_elsewhere(folder: Path) -> None:
    """Append in one process, and see it in the read model of another that watches."""
    seconds = asyncio.run(_watch(folder, APPENDS))
    report(f"append to visible, from another process: {seconds * 1e3:.1f} ms, median")


def main() -> None:
    """Measure on a log of so many runs; a folder that holds one already is used as it is."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 125_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else name) / "log"
        if not folder.exists():
            make_log(folder, runs)
            index_log(folder)
        rebuild(folder, (LogReader(folder).position - 1) // EVENTS_A_RUN)
        seen_here(folder)
        seen_elsewhere(folder)


if __name__ == "__main__":
    main()
