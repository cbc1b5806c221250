"""Lists, single runs and the past in a big read model, and what they take in a small one.

Run: ``python -m benchmarks.listing [runs] [folder]`` (100,000 runs by default). A folder that
holds a log already is taken as it is. The small log has 10,000 runs; the same questions are asked
of both in turn, and the ratio is that of the two.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.big_log import BEGIN, EVENTS_A_RUN, index_log, make_log, run_name
from benchmarks.measuring import report, timed
from projections import RunHistory
from projections.listing.run_filter import RunFilter

SMALL = 10_000
ROUNDS = 9
_MICRO = 1e6

KINDS: Mapping[str, RunFilter] = {
    "none": RunFilter(),
    "result": RunFilter(result="failed"),
    "pipeline": RunFilter(pipeline="nightly"),
    "both": RunFilter(pipeline="nightly", result="failed"),
    "running": RunFilter(running=True),
}
_DAY = BEGIN + timedelta(days=1)
COMBINED: Mapping[str, RunFilter] = {
    "metadata": RunFilter(metadata={"day": 7, "team": "data"}),
    "metadata of all": RunFilter(metadata={"team": "data"}, result="failed"),
    "text": RunFilter(reason="No Rows", pipeline="nightly"),
    "text of none": RunFilter(reason="no rows", result="success"),
    "short text": RunFilter(reason="zz"),
    "stage": RunFilter(stage_executed="load", pipeline="nightly"),
    "no such stage": RunFilter(stage_failed="load"),
    "hours": RunFilter(started_after=_DAY, started_before=_DAY + timedelta(hours=5)),
    "ended early": RunFilter(ended_before=_DAY, metadata={"team": "data"}),
    "ended late": RunFilter(ended_after=_DAY, result="failed"),
    "took long": RunFilter(duration_above=30, started_before=_DAY, pipeline="reports"),
    "all at once": RunFilter(
        pipeline="nightly",
        result="failed",
        metadata={"team": "data"},
        started_after=BEGIN,
        ended_after=BEGIN,
        duration_above=3,
        stage_executed="load",
        reason="rows",
    ),
}

_Question = Callable[[RunHistory], object]


def page(history: RunHistory, **asked: Any) -> bytes:
    """Ask for a page as it is served."""
    return history.runs_page(**asked).encode()


def questions(runs: int) -> Iterator[tuple[str, _Question]]:
    """Name what is asked of a model of so many runs."""
    for name, kind in KINDS.items():
        yield f"100 of {name}", partial(page, matching=kind)
    run, middle = run_name(runs // 3), runs // 3 * EVENTS_A_RUN + 4
    yield "100 as objects", RunHistory.list_runs
    yield "one run", lambda history: history.run_json(run)
    yield "one run as an object", lambda history: history.get_run(run)
    yield "one run as of", lambda history: history.run_json(run, as_of=middle)
    for name, matching in COMBINED.items():
        yield f"{name}, newest first", partial(page, matching=matching)
        yield f"{name}, shortest first", partial(page, matching=matching, order="shortest")
    yield "100 as of", partial(page, as_of=middle)
    yield "100 as of, longest first", partial(page, as_of=middle, order="longest")


def measure(question: _Question, history: RunHistory) -> float:
    """Give the seconds of the quickest of several askings, which others disturbed least."""
    question(history)
    return min(timed(lambda: question(history)) for _ in range(10))


def compare_sizes(runs: int, big: RunHistory, small: RunHistory) -> None:
    """Ask both in turn, and report medians."""
    report(f"{'':32}{'µs at ' + f'{SMALL:,}':>16}{'µs at ' + f'{runs:,}':>18}{'ratio':>8}")
    pairs = zip(questions(runs), questions(SMALL), strict=True)
    for (name, of_big), (_, of_small) in pairs:
        rounds = [(measure(of_big, big), measure(of_small, small)) for _ in range(ROUNDS)]
        large = statistics.median(one for one, _ in rounds)
        little = statistics.median(one for _, one in rounds)
        ratio = statistics.median(one / other for one, other in rounds)
        report(f"{name:32}{little * _MICRO:16.1f}{large * _MICRO:18.1f}{ratio:8.2f}")


def history_of(folder: Path, runs: int) -> RunHistory:
    """Open a history of a log, which is made if it is not there, and have it caught up."""
    if not folder.exists():
        make_log(folder, runs)
        index_log(folder)
    history = RunHistory(folder)
    history.catch_up()
    return history


def main() -> None:
    """Measure a log that is there, or one that is made and thrown away."""
    arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(scratch, "big")
        big = history_of(folder, int(arguments[0]) if arguments else 100_000)
        with big, history_of(Path(scratch, "small"), SMALL) as small:
            compare_sizes(big.get_run_count(), big, small)


if __name__ == "__main__":
    main()
