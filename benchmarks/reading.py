"""Reading a big log: opening it, finding one run, verifying all of it, and the memory for that.

Run: ``python -m benchmarks.reading [runs] [folder]`` (125,000 runs, a million events, by default).
Each figure that takes a fresh look is taken in a fresh process, with the imports left out.
"""

from __future__ import annotations

import hashlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from random import Random

from benchmarks.big_log import EVENTS_A_RUN, index_log, make_log, run_name
from benchmarks.measuring import per_second, report, timed
from ledger import LogReader
from ledger.disk.folder import LedgerFolder

ROUNDS = 7
LOOKS = 50
VERIFY_ROUNDS = 3

_OPEN = """
import sys, time
from ledger import EventLog
began = time.perf_counter()
EventLog.open(sys.argv[1])
print(time.perf_counter() - began)
"""
_VERIFY = """
import resource, sys, time
from ledger.integrity.verify import verify
began, busy = time.perf_counter(), time.process_time()
result = verify(sys.argv[1], jobs=int(sys.argv[2]))
assert result.sound, result.findings
seconds = time.perf_counter() - began
own, others = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
busy = time.process_time() - busy + others.ru_utime + others.ru_stime
print(seconds, busy, own.ru_maxrss)
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


def opening(folder: Path, events: int) -> None:
    """Open for writing, which checks above the mark and only there."""
    seconds = [in_fresh_process(_OPEN, folder)[0] for _ in range(ROUNDS)]
    report(f"opening a log of {events:,} events: {statistics.median(seconds) * 1e3:.1f} ms")


def one_run(folder: Path, runs: int) -> None:
    """Find one run's events among all."""
    reader = LogReader(folder)
    first = timed(lambda: list(reader.read_run(run_name(runs - 1))))
    random = Random(7)
    seconds = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        found = list(reader.read_run(run_name(random.randrange(runs))))
        seconds.append(time.perf_counter() - began)
        assert len(found) == EVENTS_A_RUN
    report(
        f"one run's events: {statistics.median(seconds) * 1e3:.2f} ms"
        f" (the first look of a process, which indexes the active segment: {first * 1e3:.0f} ms)"
    )


def bare_hashing(folder: Path) -> float:
    """Give the seconds that SHA-256 and CRC-32 of every line take, and nothing else."""

    def hash_all() -> None:
        layout = LedgerFolder(folder)
        for first in layout.segments():
            with layout.segment(first).open("rb") as file:
                for line in file:
                    hashlib.sha256(line).digest()
                    zlib.crc32(line)

    return timed(hash_all)


def verifying(folder: Path, events: int) -> None:
    """Check everything on one core and on two, against hashing alone."""
    hashing = bare_hashing(folder)
    for jobs in (1, 2):
        rounds = [in_fresh_process(_VERIFY, folder, jobs) for _ in range(VERIFY_ROUNDS)]
        seconds, busy, memory = map(min, zip(*rounds, strict=True))
        report(
            f"verify with {jobs} job(s): {per_second(events, seconds)}, {hashing / seconds:.2f} of"
            f" hashing alone on one core, {memory / 1024:.0f} MB in the parent;"
            f" {per_second(events, busy)} for each second of a core"
        )


def main() -> None:
    """Make the log, then measure."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 125_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as name:
        folder = Path(name) / "log"
        events = make_log(folder, runs)
        index_log(folder)
        opening(folder, events)
        one_run(folder, runs)
        verifying(folder, events)
        report(f"peak memory here: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
