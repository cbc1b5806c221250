"""Statistics at a million runs: how soon they are there, and what keeping them adds to a rebuild.

Run: ``python -m benchmarks.statistics [runs] [folder]`` (a million runs by default, 3 GB). A run
begins every 20 seconds, so 30 days hold 129,600 of them; there are 5 pipelines of 3 stages.
"""

from __future__ import annotations

import statistics as averages
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.big_log import BEGIN, index_log, make_log
from benchmarks.failures import cpu_seconds
from benchmarks.measuring import report, timed
from ledger import LogReader
from projections import RunHistory
from projections.engine.candidate import rebuild
from projections.engine.projector import Projector
from projections.failures.failure_rows import FailureRows
from projections.runs.run_rows import RunRows
from projections.statistics.baselines import baseline_of
from projections.statistics.over_time import statistics
from projections.statistics.regressions import list_regressions, open_regressions
from projections.statistics.statistics_rows import StatisticsRows

_ROUNDS = 15
_DAYS = 30
_SECONDS_A_RUN = 20


def rebuilding(folder: Path) -> None:
    """Compare rebuilds of the run summaries alone, and with the failures and the statistics."""
    reader = LogReader(folder)
    less = Projector(reader, projections=[RunRows()])
    more = Projector(reader, projections=[RunRows(), FailureRows(), StatisticsRows()])
    without = cpu_seconds(lambda: rebuild(reader, less))
    both = cpu_seconds(lambda: rebuild(reader, more))
    report(f"rebuild: {without:.1f} s without, {both:.1f} s with: {both / without - 1:+.0%} (CPU)")


def asking(folder: Path, runs: int) -> None:
    """Time statistics for 30 days, and what was slow."""
    end = BEGIN + timedelta(seconds=_SECONDS_A_RUN * runs)
    since = end - timedelta(days=_DAYS)
    with RunHistory(folder) as history:
        history.catch_up()
        questions: dict[str, Callable[[], object]] = {
            "30 days": lambda: statistics(history, since=since),
            "30 days, Berlin": lambda: statistics(history, since=since, timezone="Europe/Berlin"),
            "30 days, one pipeline": lambda: statistics(history, since=since, pipeline="nightly"),
            "a day by hours": lambda: statistics(
                history, since=end - timedelta(days=1), bucket="hour"
            ),
            "open regressions": lambda: open_regressions(history),
            "baseline of a run": lambda: baseline_of(history, f"run-{runs // 2:08d}"),
        }
        for name, question in questions.items():
            times = [timed(question) * 1000 for _ in range(_ROUNDS)]
            report(f"{name}: {averages.median(times):.1f} ms")
        page = list_regressions(history, since=since)
        took = timed(lambda: list_regressions(history, since=since))
        report(f"regressions of 30 days: {took:.2f} s, {page.total} of them")


def main() -> None:
    """Make a log, then measure."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch, "log")
        if not folder.exists():
            began = time.perf_counter()
            make_log(folder, runs)
            index_log(folder)
            report(f"{runs} runs written in {time.perf_counter() - began:.0f} s")
        rebuilding(folder)
        asking(folder, runs)


if __name__ == "__main__":
    main()
