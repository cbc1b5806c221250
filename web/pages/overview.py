"""The first page: how each pipeline stands, what fails now, and what runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from projections import RunSummary
from projections.pipelines.recent_runs import (
    LAST_RUNS,
    PipelineNow,
    RecentRun,
    RecentRuns,
    recent_runs,
    runs_going_on,
)
from web.addresses import run_address, with_query
from web.charts.strip import StripPath, draw_strip, join_bars
from web.pages.first_steps import how_to_begin
from web.pages.page import Values, Visit
from web.pages.query import PageQuery
from web.run_row import StageMark, seconds_so_far, stage_marks
from web.wording import duration_text, readable, trend_text, utc_minute

__all__ = ["OverviewQuery", "overview_page", "state_of"]

_MOST_RUNNING = 50
_MOST_PIPELINES = 100
_DONE = frozenset({"completed", "skipped"})

Standing = Literal["failing", "running", "stopped", "fine"]


class OverviewQuery(PageQuery):
    """Which pipelines to show.

    Attributes:
        show: only those that stand so.
        all: however many there are.
    """

    show: Standing | None = None
    all: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A run in a strip: where it leads, and what it says when it is pointed at."""

    address: str
    label: str


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """One pipeline.

    Attributes:
        name: None for the runs that have none.
        standing: what it stands as, by its last run that ended.
        bars: its last runs.
        paths: how they are drawn.
        told: the same in words.
        lost: how many runs since the last success ended without anyone seeing how.
    """

    name: str | None
    standing: str
    now: PipelineNow
    bars: Sequence[Bar]
    paths: Sequence[StripPath]
    told: str
    failed_in_a_row: int
    failing_since: datetime | None
    failed_run: str | None
    reason: str | None
    trend: str | None
    lost: int


@dataclass(frozen=True, slots=True)
class RunningRow:
    """A run that goes on, and how far it is: stages that are done, of those that are known."""

    run: RunSummary
    seconds: float | None
    usual: float | None
    marks: Sequence[StageMark]
    done: int
    current: str | None


def overview_page(visit: Visit) -> Values:
    """Show the pipelines."""
    pipelines = recent_runs(visit.history)
    going_on = runs_going_on(visit.history, visit.now, limit=_MOST_RUNNING)
    # What fails comes first; beyond that a pipeline keeps its place.
    rows = sorted(map(_row, pipelines), key=lambda row: row.standing != "failing")
    usual = {one.counts.pipeline: one.recent.usual_seconds for one in pipelines}
    show = visit.asked.show
    matching = [row for row in rows if show is None or row.standing == show]
    shown = matching if visit.asked.all else matching[:_MOST_PIPELINES]
    dead = sum(run.liveness == "presumed dead" for run in going_on)
    kinds = _kinds(rows, show)
    return {
        "rows": shown,
        "left": len(matching) - len(shown),
        "everything": with_query("", [*([("show", show)] if show else []), ("all", "true")]),
        "places": LAST_RUNS,
        "going_on": [_running(run, visit.now, usual.get(run.pipeline)) for run in going_on],
        "running": sum(one.counts.running for one in pipelines),
        "dead": dead,
        "kinds": kinds,
        "show": show,
        "is_empty": not pipelines,
        "begin": how_to_begin(visit.history),
        "live": {
            "run": None,
            "running": bool(going_on),
            "past": False,
            "summary": ", ".join(f"{kind['number']} {kind['words']}" for kind in kinds),
        },
    }


def state_of(run: RecentRun) -> str:
    """Say how a run stands, in the word that its shape goes by; lost: nobody saw how it ended."""
    return "lost" if run.given_up else run.result or "running"


def _row(one: PipelineNow) -> PipelineRow:
    failing = one.recent.failing
    bars, paths = _strip(one.recent)
    return PipelineRow(
        name=one.counts.pipeline,
        standing=_standing(one),
        now=one,
        bars=bars,
        paths=paths,
        told=_told([state_of(run) for run in one.recent.runs]),
        failed_in_a_row=len(failing),
        failing_since=failing[-1].started_at if failing else None,
        failed_run=failing[0].run_id if failing else None,
        reason=readable(one.reason, 300) if one.reason else None,
        trend=None if one.recent.trend is None else trend_text(one.recent.trend),
        lost=sum(run.given_up for run in failing),
    )


def _standing(one: PipelineNow) -> Standing:
    if one.recent.failing:
        return "failing"
    ended = [run.result for run in one.recent.runs if run.result is not None]
    if not ended:
        return "running"
    return "fine" if ended[-1] == "success" else "stopped"


# Most pipelines stand as they did at the look before.
@lru_cache(maxsize=256)
def _strip(recent: RecentRuns) -> tuple[Sequence[Bar], Sequence[StripPath]]:
    states = [(state_of(run), run.seconds) for run in recent.runs]
    paths = join_bars(draw_strip(states, places=LAST_RUNS))
    return [_bar(run) for run in recent.runs], paths


def _bar(run: RecentRun) -> Bar:
    """Give the address of a run, and what it says when it is pointed at."""
    began = "" if run.started_at is None else f", {utc_minute(run.started_at)} UTC"
    took = "" if run.seconds is None else f" in {duration_text(run.seconds)}"
    word = "presumed dead" if run.given_up else state_of(run)
    return Bar(run_address(run.run_id), f"{run.run_id}: {word}{took}{began}")


def _told(states: Sequence[str]) -> str:
    """Tell a strip in words."""
    words = {"lost": "presumed dead"}
    numbers = {state: states.count(state) for state in dict.fromkeys(reversed(states))}
    counted = ", ".join(f"{number} {words.get(state, state)}" for state, number in numbers.items())
    return (
        f"Of the last {len(states)} runs: {counted}" if len(states) > 1 else f"One run: {counted}"
    )


def _running(run: RunSummary, now: datetime, usual: float | None) -> RunningRow:
    marks = stage_marks(run)
    current = [mark.name for mark in marks if mark.state == "running"]
    return RunningRow(
        run=run,
        seconds=seconds_so_far(run, now),
        usual=usual,
        marks=marks[:24],
        done=sum(mark.state in _DONE for mark in marks),
        current=current[-1] if current else None,
    )


def _kinds(rows: Sequence[PipelineRow], show: str | None) -> Sequence[Mapping[str, object]]:
    """Give a link for each way that pipelines stand, and for all of them."""
    icons = {"failing": "failed", "running": "running", "stopped": "stopped", "fine": "success"}
    numbers = {name: sum(row.standing == name for row in rows) for name in icons}
    words = {"running": "running for the first time", "stopped": "stopped last"}
    every = {
        "words": "pipeline" if len(rows) == 1 else "pipelines",
        "icon": None,
        "number": len(rows),
        "address": "",
        "is_current": show is None,
    }
    return [
        every,
        *[
            {
                "words": words.get(name, name),
                "icon": icons[name],
                "number": number,
                "address": with_query("", [("show", name)]),
                "is_current": show == name,
            }
            for name, number in numbers.items()
            if number or name in ("failing", "fine") or show == name
        ],
    ]
