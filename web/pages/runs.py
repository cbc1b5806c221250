"""The list of runs: any combination of conditions, in pages that go on behind a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger.fields import RUN_ID
from projections import RunHistory, RunSummary
from projections.listing.run_filter import RESULTS
from projections.listing.run_order import RunOrder
from projections.listing.runs_page import RunsPage
from projections.pipelines.activity import list_activity
from projections.pipelines.pipeline_counts import pipeline_names
from web.charts.activity import draw_activity
from web.pages.first_steps import how_to_begin
from web.pages.page import Values, Visit
from web.pages.runs_query import RunsQuery, filter_of, key_of, runs_address
from web.run_row import RunRow, run_row

__all__ = ["runs_page"]

_PAGE = 50
_FOUND_BY_ID = 5
_CONDITIONS = {
    "pipeline": "pipeline",
    "q": "reason has",
    "stage_executed": "stage begun",
    "stage_failed": "stage failed",
    "fingerprint": "failure",
    "started_after": "started from",
    "started_before": "started before",
    "ended_after": "ended from",
    "ended_before": "ended before",
    "duration_above": "took at least",
    "duration_below": "took less than",
    "as_of": "as of",
}


def runs_page(visit: Visit) -> Values:
    """List runs."""
    history: RunHistory = visit.history
    asked: RunsQuery = visit.asked
    is_past = asked.as_of is not None
    listed = history.runs_page(
        limit=_PAGE,
        matching=filter_of(asked),
        order=asked.sort,
        after=key_of(asked),
        as_of=asked.as_of,
    )
    counts = _counts(history, asked.pipeline)
    following = runs_address(asked, after=listed.after) if listed.after else None
    return {
        "asked": asked,
        "pipelines": pipeline_names(history),
        # How many there are, and when they began, is kept of now alone.
        "activity": None if is_past else _activity(history, asked),
        "rows": _rows(visit, listed),
        "reached": listed.position,
        "then": f"?as_of={listed.position}" if is_past else "",
        "now_address": runs_address(asked, as_of=None) if is_past else None,
        "total": listed.total,
        "counts": counts,
        "kinds": _kinds(asked, counts),
        "conditions": _conditions(asked),
        "next": following,
        "first": runs_address(asked) if asked.after else None,
        "orders": list(RunOrder),
        "found": _found_by_id(history, asked.q),
        "is_empty": not any(counts.values()) and asked.pipeline is None,
        "begin": how_to_begin(history),
        "live": {
            "run": None,
            "running": counts["running"] > 0 and not is_past,
            "past": is_past,
            "summary": ", ".join(f"{number:,} {kind}" for kind, number in counts.items()),
        },
    }


def _rows(visit: Visit, listed: RunsPage) -> Sequence[RunRow]:
    past = None if visit.asked.as_of is None else listed.position
    runs = [RunSummary.from_stored(item, "[]") for item in listed.items]
    full = [_with_attempts(visit.history, run, past) for run in runs]
    # What went on then had taken so long by its last event at least; the position has no clock.
    return [run_row(run, (past and run.last_event_at) or visit.now) for run in full]


def _with_attempts(history: RunHistory, run: RunSummary, past: int | None) -> RunSummary:
    """Read the attempts where the rest does not tell which stage goes on, or was cut off."""
    if run.result == "success" or run.stages_failed:
        return run
    return history.get_run(run.run_id, as_of=past) or run


def _activity(history: RunHistory, asked: RunsQuery) -> Mapping[str, Any] | None:
    """Draw how many runs began when, each slot with the address of the list of its runs."""
    found = list_activity(
        history,
        pipeline=asked.pipeline,
        after=asked.started_after,
        before=asked.started_before,
    )
    if found is None:
        return None
    counts = found.counts
    if asked.result is not None:
        counts = [{kind: n for kind, n in one.items() if kind == asked.result} for one in counts]
    chart = draw_activity(counts, begin=found.begin, slot=found.slot)
    addresses = [
        runs_address(asked, started_after=slot.begin, started_before=slot.end)
        for slot in chart.slots
    ]
    wider = None
    if asked.started_after or asked.started_before:
        wider = runs_address(asked, started_after=None, started_before=None)
    return {"chart": chart, "addresses": addresses, "slot": found.slot, "wider": wider}


def _counts(history: RunHistory, pipeline: str | None) -> Mapping[str, int]:
    ended: dict[str, int] = {
        result: history.get_run_count(result_filter=result, pipeline=pipeline) for result in RESULTS
    }
    return {**ended, "running": history.get_run_count(pipeline=pipeline) - sum(ended.values())}


def _kinds(asked: RunsQuery, counts: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
    """Give a link for each result, and for all; the number is that of the pipeline or of all."""
    every = {
        "name": None,
        "number": sum(counts.values()),
        "address": runs_address(asked, result=None),
        "is_current": asked.result is None,
    }
    results = [
        {
            "name": kind,
            "number": number,
            "address": runs_address(asked, result=kind),
            "is_current": asked.result == kind,
        }
        for kind, number in counts.items()
    ]
    return [every, *results]


def _conditions(asked: RunsQuery) -> Sequence[Mapping[str, str]]:
    """Give each condition in words, with the address of the list without it."""
    given = [
        {
            "words": f"{words} {_value(getattr(asked, name))}",
            "address": runs_address(asked, **{name: None}),
        }
        for name, words in _CONDITIONS.items()
        if getattr(asked, name) is not None
    ]
    pairs = asked.metadata
    given += [
        {
            "words": pair,
            "address": runs_address(asked, metadata=tuple(one for one in pairs if one != pair)),
        }
        for pair in pairs
    ]
    return given


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, int):
        return f"position {value:,}"
    return f"{value:g} s" if isinstance(value, float) else str(value)


def _found_by_id(history: RunHistory, text: str | None) -> Sequence[str]:
    """Find the runs whose ids begin with what is searched for."""
    if text is None or not RUN_ID.fullmatch(text):
        return ()
    return history.find_run_ids(text, limit=_FOUND_BY_ID)
