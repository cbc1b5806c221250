"""Two runs side by side: what differs, on one axis of time, and where their ways part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from ledger.fields import RUN_ID
from projections import RunHistory, RunSummary
from projections.comparing.compared_runs import compared_runs
from projections.comparing.paired_values import ValuePair
from projections.comparing.run_comparison import RunComparison
from projections.errors import NoEarlierSuccess
from web.addresses import with_query
from web.command_line import command_line
from web.pages.compared_stages import compare_stages
from web.pages.page import Values, Visit
from web.pages.query import PageQuery
from web.pages.run import unknown_run
from web.problems import Problem
from web.run_row import RunRow, run_row, seconds_so_far

__all__ = ["CompareQuery", "compare_page"]

_OFFERED = 8
_ATTEMPTS = 200
_EVERY = [("all", "true")]

Text = Annotated[str, Field(max_length=200)]


class CompareQuery(PageQuery):
    """Which runs to compare.

    Attributes:
        a: the run that is asked about.
        b: what it is compared with; else the last success of its pipeline before it.
        all: what is the same, too.
    """

    a: Text | None = None
    b: Text | None = None
    all: bool = False


class ValueGroup(NamedTuple):
    """Values of one kind, of which there are some."""

    name: str
    pairs: Sequence[ValuePair]


def compare_page(visit: Visit) -> Values | Problem:
    """Compare two runs, or ask which."""
    asked: CompareQuery = visit.asked
    history: RunHistory = visit.history
    if asked.a is None:
        return _form(visit, "")
    for run_id in (asked.a, asked.b):
        if run_id is not None and not RUN_ID.fullmatch(run_id):
            return unknown_run(run_id)
    try:
        found = compared_runs(history, asked.a, asked.b)
    except NoEarlierSuccess:
        return _form(
            visit,
            f"No run of the pipeline of {asked.a} succeeded before it, so there is nothing to"
            " compare it with by itself. Name a second run.",
        )
    if found is None:
        known = history.first_position(asked.a) is not None
        return unknown_run((asked.b if known else None) or asked.a)
    return _values(visit, *found)


def _form(visit: Visit, problem: str) -> Values:
    """Ask for two runs, and offer those that somebody may want to know about."""
    failed = visit.history.list_runs(limit=_OFFERED, result_filter="failed")
    rows: Sequence[RunRow] = [run_row(run, visit.now) for run in failed]
    return {
        "asked": visit.asked,
        "problem": problem,
        "offered": rows,
        "comparison": None,
        "live": {"run": None, "running": False, "past": False, "summary": "Compare two runs"},
    }


def _values(visit: Visit, comparison: RunComparison, a: RunSummary, b: RunSummary) -> Values:
    asked: CompareQuery = visit.asked
    shown = comparison if asked.all else comparison.differences()
    goes_on = a.result is None or b.result is None
    ids = [a.run_id, b.run_id]
    return {
        "asked": asked,
        "problem": "",
        "comparison": comparison,
        "sides": [_side(*each, visit) for each in (("A", a), ("B", b))],
        "stages": compare_stages(comparison, a, b, now=visit.now, every=asked.all),
        "groups": [group for group in _groups(shown) if group.pairs],
        "attempts": comparison.attempts[:_ATTEMPTS],
        "attempts_left": max(0, len(comparison.attempts) - _ATTEMPTS),
        "swapped": _address(b.run_id, a.run_id, every=asked.all),
        "all": _address(*ids, every=not asked.all),
        "markdown": with_query(
            "compare.md", [("a", a.run_id), ("b", b.run_id), *_EVERY[: asked.all]]
        ),
        "query": with_query("", [("a", a.run_id), ("b", b.run_id)]),
        "command": command_line(visit.history.reader.folder.path, "compare", *ids, "--markdown"),
        "live": {
            "run": " ".join(dict.fromkeys(ids)),
            "running": goes_on,
            "past": False,
            "summary": f"{len(shown.fields) + len(shown.parameters) + len(shown.metadata)}"
            " values shown",
        },
    }


def _side(letter: str, run: RunSummary, visit: Visit) -> Mapping[str, Any]:
    return {
        "letter": letter,
        "run": run,
        "result": run.result or "running",
        "seconds": seconds_so_far(run, visit.now),
    }


def _groups(shown: RunComparison) -> Iterator[ValueGroup]:
    yield ValueGroup("Parameters", shown.parameters)
    yield ValueGroup("Metadata", shown.metadata)
    yield ValueGroup("Metrics", [_of_attempt(*each) for each in _metrics(shown)])
    yield ValueGroup("Summary", shown.fields)


def _metrics(shown: RunComparison) -> Iterator[tuple[str, int, ValuePair]]:
    for attempt in shown.attempts:
        for pair in attempt.metrics:
            yield attempt.stage, attempt.attempt, pair


def _of_attempt(stage: str, attempt: int, pair: ValuePair) -> ValuePair:
    """Name a metric with its stage, and its attempt where that is not the first."""
    place = stage if attempt == 1 else f"{stage}, attempt {attempt}"
    return pair.model_copy(update={"name": f"{place}: {pair.name}"})


def _address(a: str, b: str, *, every: bool) -> str:
    return with_query("compare", [("a", a), ("b", b), *_EVERY[:every]])
