"""``runfold exec``: what it adds to a command, in milliseconds, by turns with the command alone.

Two figures, as a process that waits costs nothing: the time that passes, and the time of the
processor, which says what it would be on a machine with nothing else to do; beside it, what Python
alone takes. Compiled code is kept between rounds, as it is where the package is installed.

Run: ``python -m benchmarks.exec [folder]``
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import report

ROUNDS = 15
COMMAND = ("/bin/true",)
RUNFOLD = Path(sys.executable).with_name("runfold")


def taken(command: Sequence[str | Path]) -> tuple[float, float]:
    """Run a command; give the seconds that passed, and those of the processor."""
    before, began = processor_seconds(), time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    return time.perf_counter() - began, processor_seconds() - before


def processor_seconds() -> float:
    """Give the processor time of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure in a folder, which should lie on the disk in question."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        recorded = (RUNFOLD, "exec", "--pipeline", "p", "--dir", name, "--", *COMMAND)
        bare = [sys.executable, "-c", "pass"]
        pairs = [(taken(recorded), taken(COMMAND), taken(bare)) for _ in range(ROUNDS + 1)][1:]
    passed = statistics.median(ours[0] - alone[0] for ours, alone, _ in pairs) * 1000
    used = statistics.median(ours[1] - alone[1] for ours, alone, _ in pairs) * 1000
    python = statistics.median(plain[1] for *_, plain in pairs) * 1000
    report(
        f"runfold exec adds {passed:.0f} ms to a command ({used:.0f} ms of the processor);"
        f" Python alone takes {python:.0f} ms of it"
    )


if __name__ == "__main__":
    main()
