"""The list of what fails: each kind of failure once, when it came, and what people said of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.disk.folder import DEFAULT_FOLDER
from projections import RunHistory
from projections.failures.by_fingerprint import FailureGroup, FailuresPage, list_failures
from projections.failures.failure_details import FailureSample, failure_samples, failures_over_time
from projections.pipelines.pipeline_counts import pipeline_names
from web.addresses import run_address, with_query
from web.charts.sparkline import SparkBar, spark_bars
from web.pages.failures_query import FailuresQuery, State, failures_address
from web.pages.page import Values, Visit

__all__ = ["failures_page"]

_SLOTS = 30
_LATELY = timedelta(days=30)
_NEW = timedelta(days=7)
_SHORTEST = timedelta(minutes=1)
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One kind of failure.

    Attributes:
        group: what is known of it.
        bars: how often it came in each slot of time.
        lately: how often in all of them.
        sample: the last one in full, if an attempt was it.
        run: the address of the run of the last one.
        runs: the address of the list of its runs.
        is_new: whether it was not seen before the last seven days.
        command: acknowledges it on the command line.
    """

    group: FailureGroup
    bars: Sequence[SparkBar]
    lately: int
    sample: FailureSample | None
    run: str
    runs: str
    is_new: bool
    command: str


def failures_page(visit: Visit) -> Values:
    """List failures."""
    asked: FailuresQuery = visit.asked
    page = _listed(visit, asked.state, asked.limit)
    begin, slot = _times(asked.since, visit.now)
    return {
        "asked": asked,
        "pipelines": pipeline_names(visit.history),
        "rows": _rows(visit, page.groups, begin, slot),
        "total": page.total,
        "begin": begin,
        "end": begin + _SLOTS * slot,
        "slot": slot,
        "states": _states(visit, page),
        "more": failures_address(asked, limit=min(_MOST, 4 * asked.limit))
        if page.total > len(page.groups) and asked.limit < _MOST
        else None,
        "here": failures_address(asked).partition("?")[2],
        "narrowed": any((asked.pipeline, asked.since, asked.new_since, asked.new_version)),
        "changes": visit.changes,
        "live": {
            "run": None,
            "running": False,
            "past": False,
            "summary": f"{page.total} kinds of failures, {page.acknowledged} acknowledged",
        },
    }


def _listed(visit: Visit, state: State, limit: int) -> FailuresPage:
    asked: FailuresQuery = visit.asked
    return list_failures(
        visit.history,
        since=asked.since,
        new_since=asked.new_since or asked.new_version,
        pipeline=asked.pipeline,
        every=state == "all",
        state="open" if state == "all" else state,
        limit=limit,
    )


def _times(since: datetime | None, now: datetime) -> tuple[datetime, timedelta]:
    """Give when the sparklines begin, and how long a slot of theirs is."""
    begin = now - _LATELY if since is None or since >= now else since
    slot = max((now - begin) / _SLOTS, _SHORTEST)
    # In whole slots, so that the bars of an open page do not move with each look.
    slot = timedelta(minutes=-(-slot // _SHORTEST))
    end = now - (now - datetime.fromtimestamp(0, now.tzinfo)) % slot + slot
    return end - _SLOTS * slot, slot


def _rows(
    visit: Visit, groups: Sequence[FailureGroup], begin: datetime, slot: timedelta
) -> Sequence[FailureRow]:
    history = visit.history
    counts = failures_over_time(
        history,
        [group.fingerprint for group in groups],
        begin=begin,
        slot=slot,
        slots=_SLOTS,
        pipeline=visit.asked.pipeline,
    )
    samples = failure_samples(history, groups)
    return [
        FailureRow(
            group=group,
            bars=spark_bars(counts[group.fingerprint]),
            lately=sum(counts[group.fingerprint]),
            sample=samples.get(group.fingerprint),
            run=run_address(group.last_seen.run_id),
            runs=with_query("runs", [("fingerprint", group.fingerprint)]),
            is_new=group.first_seen.at > visit.now - _NEW,
            command=_command(history, group.fingerprint),
        )
        for group in groups
    ]


def _command(history: RunHistory, fingerprint: str) -> str:
    folder = history.reader.folder.path
    elsewhere = ["--dir", str(folder)] if folder != DEFAULT_FOLDER else []
    return shlex.join(["runfold", "ack", fingerprint, "--note", "…", *elsewhere])


def _states(visit: Visit, page: FailuresPage) -> Sequence[Mapping[str, object]]:
    """Give a link for each state, with how many kinds are in it."""
    asked: FailuresQuery = visit.asked
    opened = page.total
    if asked.state == "all":
        opened -= page.acknowledged + page.flaky
    elif asked.state != "open":
        opened = _listed(visit, "open", 1).total
    numbers = {"open": opened, "acknowledged": page.acknowledged, "flaky": page.flaky}
    numbers["all"] = sum(numbers.values())
    icons = {"open": "failed", "acknowledged": "acknowledged", "flaky": "flaky"}
    return [
        {
            "name": name,
            "icon": icons.get(name),
            "number": number,
            "address": failures_address(asked, state=name),
            "is_current": asked.state == name,
        }
        for name, number in numbers.items()
    ]
