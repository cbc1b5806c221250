"""Failures at a million runs: how soon the list is there, and what keeping them adds to a rebuild.

Run: ``python -m benchmarks.failures [runs] [folder]`` (a million runs by default, 4 GB). Of the
runs 2% fail, in 500 ways that differ in what they say and where, so that no text comes twice soon.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from benchmarks.big_log import BEGIN, bodies, index_log, make_log, payloads
from benchmarks.http import OURS, fetch, serving
from benchmarks.measuring import report, timed
from ledger import EventLog, LogReader, NewEvent
from ledger.events import (
    ErrorInfo,
    EventData,
    FailureAcknowledged,
    RunEnded,
    StageCompleted,
    StageFailed,
)
from projections import RunHistory
from projections.engine.candidate import rebuild
from projections.engine.projector import Projector
from projections.failures.by_fingerprint import FailuresPage, list_failures
from projections.failures.failure_rows import FailureRows
from projections.runs.run_rows import RunRows

_ROUNDS = 30
_KINDS = 25_000
_ACKNOWLEDGED = 25
_TRACE = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/app/{name}.py", line {{line}}, in {name}{{kind}}\n    go(row)\n    ~~^^^^^\n'
    for name in ("nightly", "orders", "load", "parse", "convert", "check")
)


def failing(number: int) -> Sequence[EventData]:
    """Give the events of one run; of every 50th its last stage fails."""
    events = list(payloads(number))
    last = events[-2]
    if number % 50 or not isinstance(last, StageCompleted):
        return [*events[:-1], RunEnded(result="success", elapsed_seconds=3.0)]
    message = f"row {number * 7} of '/srv/data/day-{number}.csv' has no price"
    trace = _TRACE.format(line=number, kind=number // 50 % 500)
    error = ErrorInfo(
        type="ValueError", message=message, traceback=f"{trace}ValueError: {message}\n"
    )
    failed = StageFailed(stage=last.stage, attempt=1, error=error, elapsed_seconds=1.0)
    return [*events[:-2], failed, events[-1]]


def rebuilding(folder: Path) -> None:
    """Compare rebuilds without and with the failures."""
    reader = LogReader(folder)
    less = Projector(reader, projections=[RunRows()])
    more = Projector(reader, projections=[RunRows(), FailureRows()])
    without = cpu_seconds(lambda: rebuild(reader, less))
    both = cpu_seconds(lambda: rebuild(reader, more))
    report(f"rebuild: {without:.1f} s without, {both:.1f} s with: {both / without - 1:+.0%} (CPU)")


def cpu_seconds(action: Callable[[], object]) -> float:
    """Give the seconds of CPU that an action takes, here and in processes that it waits for."""
    before = os.times()
    action()
    return sum(os.times()[:4]) - sum(before[:4])


def listing(folder: Path) -> None:
    """Time the list, plain and filtered, with some failures acknowledged."""
    with RunHistory(folder) as history:
        page = list_failures(history, limit=_ACKNOWLEDGED)
        with EventLog.open(folder) as log:
            for group in page.groups:
                said = FailureAcknowledged(fingerprint=group.fingerprint, note="known", actor="me")
                log.append(NewEvent(said))
        late = BEGIN + timedelta(days=100)
        questions: dict[str, Callable[[], FailuresPage]] = {
            "list": lambda: list_failures(history),
            "list, all": lambda: list_failures(history, every=True),
            "of one pipeline": lambda: list_failures(history, pipeline="nightly"),
            "since a day": lambda: list_failures(history, since=late),
            "new since a day": lambda: list_failures(history, new_since=late),
        }
        for name, question in questions.items():
            times = [timed(question) * 1000 for _ in range(_ROUNDS)]
            kinds = question().total
            report(f"{name}: {statistics.median(times):.1f} ms, {kinds} kinds")


def serving_them(folder: Path) -> None:
    """Time the answer of the API and the page over HTTP, of which none was asked for before."""
    with serving(OURS, str(folder)) as server:
        for name, path in {"API": "/api/pipeline/failures", "page": "/failures"}.items():
            fetch(f"{server.url}{path}")
            times = [
                timed(partial(fetch, f"{server.url}{path}?limit={100 - number}")) * 1000
                for number in range(_ROUNDS)
            ]
            report(f"{name} over HTTP: {statistics.median(times):.1f} ms")


def main() -> None:
    """Make a log, then measure."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch, "log")
        if not folder.exists():
            began = time.perf_counter()
            make_log(folder, runs, bodies(runs, failing, _KINDS))
            index_log(folder)
            report(f"{runs} runs written in {time.perf_counter() - began:.0f} s")
        rebuilding(folder)
        listing(folder)
        serving_them(folder)


if __name__ == "__main__":
    main()
