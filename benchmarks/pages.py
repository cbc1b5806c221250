"""The pages at many runs: how soon the first byte comes, and how soon Chromium has drawn them.

The runs are of 50 pipelines, and one of 37 fails, in 500 ways.

Run: ``python -m benchmarks.pages [runs] [folder]`` (100,000 runs by default). A folder that holds a
log already is taken as it is, and gets two long runs more: one of 1,000 attempts, and one of
10,000 events. Each figure stands beside that of the smallest answer there is, ``/healthz``, taken
in the same rounds.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.big_log import PIPELINES, bodies, index_log, make_log, run_name
from benchmarks.failures import failing
from benchmarks.listing import history_of
from benchmarks.measuring import report
from ledger import EventLog, NewEvent
from ledger.errors import SequenceConflict
from ledger.events import EventData, RunEnded, RunStarted, StageCompleted, StageStarted
from ledger.writers.machine import this_writer
from projections import RunsFile
from tests.web.serving import serving

ROUNDS = 21
LOADS = 7
NAMES = (*PIPELINES, *[f"pipeline-{number:02}" for number in range(5, 50)])
KINDS = 18_500
MANY_ATTEMPTS, MANY_EVENTS, LONG = "long-attempts", "long-events", "long"
SMALLEST = "/healthz"
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def of_many_pipelines(number: int) -> Sequence[EventData]:
    """Give the events of one run of one of 50 pipelines; every 37th fails."""
    fails = number % 37 == 0
    first, *rest = failing(number - number % 50 + (0 if fails else 1))
    return (first.model_copy(update={"pipeline": NAMES[number % 50]}), *rest)


def pages(runs: int) -> Sequence[str]:
    """Name the pages that are asked for."""
    return (
        "/",
        "/pipelines/nightly",
        "/pipelines/nightly?days=365&stage=load",
        f"/pipelines/{LONG}",
        "/failures",
        "/failures?state=all&pipeline=nightly",
        "/runs",
        "/runs?result=failed",
        "/runs?pipeline=nightly&metadata=team%3Ddata",
        f"/runs/{run_name(runs // 2)}",
        f"/runs/{run_name(runs // 2)}/explain",
        f"/runs/{MANY_ATTEMPTS}",
        f"/runs/{MANY_EVENTS}",
        f"/runs/{MANY_EVENTS}?event=5000",
        f"/compare?a={run_name(runs // 2)}&b={run_name(runs // 2 + 1)}",
        f"/compare?a={MANY_ATTEMPTS}&b={MANY_EVENTS}",
        "/events",
        "/events?type=stage_failed",
        f"/events?at={runs}",
        f"/events?run={MANY_EVENTS}",
        "/ledger",
    )


def record_long_runs(folder: Path) -> None:
    """Record a run of 1,000 attempts of 100 stages, and one of 10,000 events."""
    for run_id, stages, tries in ((MANY_ATTEMPTS, 100, 10), (MANY_EVENTS, 50, 100)):
        events: list[EventData] = [RunStarted(pipeline=LONG, writer=this_writer())]
        for number in range(stages):
            for attempt in range(1, tries + 1):
                name = f"part-{number}"
                events.append(StageStarted(stage=name, attempt=attempt))
                events.append(StageCompleted(stage=name, attempt=attempt, elapsed_seconds=0.01))
        events.append(RunEnded(result="success", elapsed_seconds=stages * tries / 100))
        now = datetime.now(UTC)
        with EventLog.open(folder) as log, suppress(SequenceConflict):
            for first in range(0, len(events), 1_000):
                log.append_batch(
                    [NewEvent(one, run_id, occurred_at=now) for one in events[first:][:1_000]],
                    expected_sequence=first,
                )


def first_byte(url: str) -> float:
    """Give the milliseconds until the first byte of a page."""
    began = time.perf_counter()
    with urllib.request.urlopen(url) as answer:
        answer.read(1)
        took = time.perf_counter() - began
        answer.read()
    return 1_000 * took


def full_load(browser: Browser, url: str) -> float:
    """Give the milliseconds until Chromium has loaded a page, with nothing kept from before."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url, wait_until="load")
        page.wait_for_function(f"{_LOADED} > 0")
        return float(page.evaluate(_LOADED))


def measure(folder: Path, runs: int) -> None:
    """Ask for each page in turn, round after round, and report medians."""
    with serving(folder) as server, sync_playwright() as playwright:
        addresses = (SMALLEST, *pages(runs))
        for address in addresses:
            first_byte(server.url + address)
        rounds = [[first_byte(server.url + one) for one in addresses] for _ in range(ROUNDS)]
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        loads = [[full_load(browser, server.url + one) for one in addresses] for _ in range(LOADS)]
        browser.close()
    report(f"{'':52}{'first byte, ms':>16}{'loaded, ms':>14}")
    for place, address in enumerate(addresses):
        byte = statistics.median(one[place] for one in rounds)
        load = statistics.median(one[place] for one in loads)
        report(f"{address:52}{byte:16.1f}{load:14.0f}")


def main() -> None:
    """Measure a log that is there, or one that is made and thrown away."""
    arguments = sys.argv[1:]
    runs = int(arguments[0]) if arguments else 100_000
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(scratch, "big")
        if not folder.exists():
            make_log(folder, runs, bodies(runs, of_many_pipelines, kinds=KINDS))
            index_log(folder)
        history_of(folder, runs).close()
        record_long_runs(folder)
        # A server does so beside answering, for minutes where a big log has no such file yet.
        RunsFile(folder).catch_up()
        with history_of(folder, runs) as history:
            report(f"{history.get_run_count():,} runs")
        measure(folder, runs)


if __name__ == "__main__":
    main()
