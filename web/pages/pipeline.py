"""The page of one pipeline: its last runs by their stages, how long they take, what is flaky."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from projections.pipelines.freshness import Expectation, Finding
from projections.pipelines.pipeline_standings import check_freshness
from projections.pipelines.recent_runs import PipelineNow, RecentRun, pipeline_now
from projections.pipelines.run_grid import GridCell, GridRun, RunGrid, run_grid
from projections.statistics.regressions import list_regressions
from web.addresses import pipeline_address, with_query
from web.charts.heat import heat_levels
from web.charts.strip import StripBar, draw_strip
from web.pages.overview import state_of
from web.pages.page import Values, Visit
from web.pages.pipeline_trends import PipelineTrends, pipeline_trends
from web.pages.query import PageQuery
from web.problems import Problem
from web.wording import duration_text, readable, trend_text, utc_minute, utc_short

__all__ = ["PipelineQuery", "pipeline_page"]

_COLUMNS = 40
_ROWS = 60
_APART = 5  # runs between two that are dated
_DAYS = (1, 7, 30, 90, 365)
_WORDS = {"unreached": "not reached", "unfinished": "cut off"}
_GONE = "its writer is gone, and none has succeeded since"


class PipelineQuery(PageQuery):
    """What of a pipeline to show.

    Attributes:
        days: over how long the figures are.
        stage: whose durations are drawn; those of the runs if not given.
        before: the grid shows runs that began before this position of the log.
    """

    days: Literal["1", "7", "30", "90", "365"] = "30"
    stage: Annotated[str, Field(max_length=1_000)] | None = None
    before: Annotated[int, Field(ge=1, le=10**15)] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One run of the grid; ``told`` says all of it, and ``slow`` what was slower than usual."""

    run: RecentRun
    state: str
    shape: StripBar
    told: str
    slow: str | None


@dataclass(frozen=True, slots=True)
class Cell:
    """How a stage went in a run: its state, how dark it is, and both in words."""

    run_id: str
    state: str
    level: int
    told: str
    retried: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One stage of the grid; a number stands for so many runs that do not know the stage."""

    stage: str
    cells: Sequence[Cell | int]


def pipeline_page(visit: Visit) -> Values | Problem:
    """Show a pipeline."""
    name = visit.names["name"]
    now = pipeline_now(visit.history, name)
    if now is None:
        detail = f"No run is of a pipeline that is called {name!r}."
        return Problem(404, detail, kind="unknown-pipeline", title="Unknown pipeline")
    return _values(
        visit, now, run_grid(visit.history, name, limit=_COLUMNS, before=visit.asked.before)
    )


def _values(visit: Visit, now: PipelineNow, grid: RunGrid) -> Values:
    asked: PipelineQuery = visit.asked
    name = visit.names["name"]
    here = pipeline_address(name)
    return {
        "pipeline": name,
        "standing": now,
        "trend": None if now.recent.trend is None else trend_text(now.recent.trend),
        "findings": _findings(visit, name),
        "columns": _columns(visit, name, grid),
        "dates": _dates([one.run for one in grid.runs]),
        "rows": [_row(stage, grid.runs) for stage in _chosen(grid)],
        "rows_left": max(0, len(grid.stages) - _ROWS),
        "older": _address(here, asked, before=grid.before) if grid.before else None,
        "newest": _address(here, asked, before=None) if asked.before else None,
        "spans": [
            (days, _address(here, asked, days=str(days)), str(days) == asked.days) for days in _DAYS
        ],
        "trends": _trends(visit, name, grid),
        "of_stage": lambda stage: _address(here, asked, stage=stage),
        "days": int(asked.days),
        "asked_stage": asked.stage or "",
        "live": {
            "run": None,
            "running": now.counts.running > 0,
            "past": False,
            "summary": f"{name}: {now.counts.runs} runs, {now.counts.failed} failed",
        },
    }


def _trends(visit: Visit, name: str, grid: RunGrid) -> PipelineTrends:
    days = int(visit.asked.days)
    return pipeline_trends(
        visit.history,
        name,
        stage=visit.asked.stage,
        order=grid.stages,
        since=visit.now - timedelta(days=days),
        by_hour=days == 1,
    )


def _address(here: str, asked: PipelineQuery, **changes: object) -> str:
    values = {**asked.model_dump(exclude_defaults=True), **changes}
    return with_query(here, [(key, str(one)) for key, one in values.items() if one is not None])


def _findings(visit: Visit, name: str) -> Sequence[Mapping[str, str | None]]:
    """Say what is not as it should be with the newest runs."""
    expected = [Expectation(pipeline=name)]
    found = check_freshness(visit.history, lambda _known: expected, visit.now).findings
    return [{"run_id": one.run_id, "words": _finding_words(one)} for one in found]


def _finding_words(finding: Finding) -> str:
    if finding.kind != "regression":
        return f"is presumed dead: {_GONE}"
    what = "took" if finding.stage is None else f"needed for stage {finding.stage}"
    took, usual = duration_text(finding.seconds or 0), duration_text(finding.allowed_seconds or 0)
    return f"was slower than usual: {what} {took}, usually {usual}"


def _columns(visit: Visit, name: str, grid: RunGrid) -> Sequence[Column]:
    states = [state_of(one.run) for one in grid.runs]
    shapes = draw_strip(
        [(state, one.run.seconds) for state, one in zip(states, grid.runs, strict=True)],
        places=len(grid.runs),
    )
    slow = _slow(visit, name, [one.run for one in grid.runs])
    return [
        Column(
            one.run,
            state,
            shape,
            _told(one.run, state, slow.get(one.run.run_id)),
            slow.get(one.run.run_id),
        )
        for one, state, shape in zip(grid.runs, states, shapes, strict=True)
    ]


def _dates(runs: Sequence[RecentRun]) -> Sequence[tuple[int, str]]:
    """Date every so many runs, as an axis does: for how many a date stands, and the date."""
    # The last of them has room for its date as well.
    starts = range(0, max(1, len(runs) - _APART + 2), _APART)
    ends = [*starts[1:], len(runs)]
    began = [runs[start].started_at for start in starts]
    return [
        (end - start, "" if at is None else utc_short(at))
        for start, end, at in zip(starts, ends, began, strict=True)
    ]


def _slow(visit: Visit, name: str, runs: Sequence[RecentRun]) -> Mapping[str, str]:
    """Say of the runs that were slower than usual what of them was."""
    began = [run.started_at for run in runs if run.started_at is not None]
    if not began:
        return {}
    until: datetime = max(began) + timedelta(microseconds=1)
    page = list_regressions(
        visit.history, since=min(began), until=until, pipeline=name, limit=_COLUMNS
    )
    return {
        one.run_id: ", ".join(
            speed.stage or "the run" for speed in (one.run, *one.stages) if speed.regression
        )
        for one in page.runs
    }


def _told(run: RecentRun, state: str, slow: str | None) -> str:
    word = "presumed dead" if state == "lost" else state
    took = "" if run.seconds is None else f" in {duration_text(run.seconds)}"
    began = "" if run.started_at is None else f", {utc_minute(run.started_at)} UTC"
    slower = "" if slow is None else f", slower than usual: {readable(slow, 120)}"
    return f"{run.run_id}: {word}{took}{began}{slower}"


def _chosen(grid: RunGrid) -> Sequence[str]:
    """Choose the stages that have rows: of too many, those that most of the runs know."""
    known = Counter(stage for one in grid.runs for stage in one.cells)
    chosen = frozenset(sorted(grid.stages, key=known.__getitem__, reverse=True)[:_ROWS])
    return [stage for stage in grid.stages if stage in chosen]


def _row(stage: str, runs: Sequence[GridRun]) -> Row:
    known = [one.cells.get(stage) for one in runs]
    took = [
        cell.seconds if cell is not None and cell.state == "completed" else None for cell in known
    ]
    levels = heat_levels(took)
    cells: list[Cell | int] = []
    for one, cell, level in zip(runs, known, levels, strict=True):
        if cell is not None:
            cells.append(_cell(one.run.run_id, cell, level))
        elif cells and isinstance(cells[-1], int):
            cells[-1] += 1
        else:
            cells.append(1)
    return Row(stage, cells)


def _cell(run_id: str, cell: GridCell, level: int) -> Cell:
    took = "" if cell.seconds is None else f" in {duration_text(cell.seconds)}"
    tries = f", {cell.attempts} attempts" if cell.attempts > 1 else ""
    told = f"{_WORDS.get(cell.state, cell.state)}{took}{tries}"
    return Cell(run_id, cell.state, level, told, cell.attempts > 1)
