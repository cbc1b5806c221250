"""Export: Parquet against what one would write with ``json`` and ``csv``, and against our own CSV.

Run: ``python -m benchmarks.export [runs] [folder]`` (100,000 runs by default). All read the same
pages of the same read model and write the same columns of every run, in turn. The peer is Python's
``csv`` module fed by ``json``, without a guard against formulas.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks.listing import history_of
from benchmarks.measuring import Figure, compare, report
from projections import RunHistory
from projections.exporting.csv_format import csv_chunks
from projections.exporting.parquet_format import write_parquet
from projections.exporting.run_export import export_runs

ROUNDS = 3


def write_with_csv_module(history: RunHistory, path: Path) -> None:
    """Write the runs the plain way."""
    export = export_runs(history)
    names = [column.name for column in export.columns]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        for page in export.pages:
            for line in page:
                run = json.loads(line)
                rows.writerow([_cell(run[name]) for name in names])


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | dict) else value


def write_csv(history: RunHistory, path: Path) -> None:
    """Write the runs as ``runfold export`` does."""
    with path.open("wb") as file:
        file.writelines(csv_chunks(export_runs(history)))


def write_runs_as_parquet(history: RunHistory, path: Path) -> None:
    """Write the runs as ``runfold export -o FILE.parquet`` does."""
    write_parquet(export_runs(history), path)


def measure(history: RunHistory, scratch: Path) -> None:
    """Take turns, and report how much of the peer's time each takes."""
    parquet, plain = scratch / "runs.parquet", scratch / "plain.csv"
    peer = partial(write_with_csv_module, history, plain)
    ours = partial(write_runs_as_parquet, history, parquet)
    show(compare("Parquet", ours, peer, rounds=ROUNDS))
    show(compare("our CSV", partial(write_csv, history, scratch / "ours.csv"), peer, rounds=ROUNDS))
    sizes = parquet.stat().st_size, plain.stat().st_size
    report(f"bytes: {sizes[0]:,} of Parquet, {sizes[1]:,} of CSV")


def measure_memory(folder: Path, scratch: Path) -> None:
    """Report the memory of each at its highest, in a process of its own."""
    for name, write in (("Parquet", write_runs_as_parquet), ("our CSV", write_csv)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            before, highest = pool.submit(memory_of, write, folder, scratch / "runs").result()
        report(f"{name}: {highest} MB of memory at its highest, {before} MB before")


def memory_of(
    write: Callable[[RunHistory, Path], None], folder: Path, path: Path
) -> tuple[int, int]:
    """Write the runs, and give the megabytes of this process at its highest, before and after."""
    with RunHistory(folder) as history:
        history.catch_up()
        before = highest_memory()
        write(history, path)
        return before, highest_memory()


def highest_memory() -> int:
    """Give the most megabytes that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def show(figure: Figure) -> None:
    """Report a figure."""
    report(
        f"{figure.name}: {figure.ours:.2f} s, csv module {figure.bare:.2f} s:"
        f" {figure.ratio:.1f} times as fast"
    )


def main() -> None:
    """Measure a log that is there, or one that is made and thrown away."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(name, "log")
        with history_of(folder, runs) as history:
            report(f"{history.get_run_count():,} runs")
            # First: what this process has held at most, those that it starts begin with.
            measure_memory(folder, Path(name))
            measure(history, Path(name))


if __name__ == "__main__":
    main()
