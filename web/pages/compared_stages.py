"""Two runs on one axis of time: a pair of rows for each stage, and by how much they differ.

Values in, values out. The axis tells the time since each run began, so that what took longer is
longer, whenever the runs were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projections import RunSummary
from projections.comparing.paired_attempts import AttemptPair
from projections.comparing.paired_values import DurationPair, pair_durations
from projections.comparing.run_comparison import RunComparison
from projections.statistics.baselines import Usual
from web.charts.deltas import Delta, DeltaBar, draw_deltas
from web.charts.gantt import MOST_ROWS, GanttRow, Interval, draw_gantt
from web.charts.time_axis import Tick
from web.pages.run_stages import begin_of, interval
from web.run_row import stage_marks

__all__ = ["ComparedStage", "ComparedStages", "compare_stages"]

_UNUSUAL = 1.0


@dataclass(frozen=True, slots=True)
class ComparedStage:
    """One stage in both runs.

    Attributes:
        stage: its name.
        a: its row in the chart of the first run; None where that has no such stage.
        b: likewise in the second.
        duration: how long all attempts took together.
        bar: the difference as a bar; None where it is not known.
        equal: whether it came to the same.
    """

    stage: str
    a: GanttRow | None
    b: GanttRow | None
    duration: DurationPair
    bar: DeltaBar | None
    equal: bool

    @property
    def is_unusual(self) -> bool:
        """Tell whether the difference is more than what is usual."""
        spreads = self.duration.spreads
        return spreads is not None and abs(spreads) >= _UNUSUAL


@dataclass(frozen=True, slots=True)
class ComparedStages:
    """The whole chart; ``left`` is how many stages have no rows, as they came to the same."""

    stages: Sequence[ComparedStage]
    ticks: Sequence[Tick]
    left: int


def compare_stages(
    comparison: RunComparison, a: RunSummary, b: RunSummary, *, now: datetime, every: bool
) -> ComparedStages:
    """Lay out the stages of two runs.

    Args:
        comparison: of the two.
        a: the first run.
        b: the second.
        now: what time it is; what goes on is drawn up to there.
        every: whether each stage has rows, however many there are.
    """
    pairs: dict[str, list[AttemptPair]] = {}
    for pair in comparison.attempts:
        pairs.setdefault(pair.stage, []).append(pair)
    marks = [{mark.name: mark.state for mark in stage_marks(run)} for run in (a, b)]
    names = list(dict.fromkeys([*pairs, *marks[0], *marks[1]]))
    chosen = names if every else _chosen(names, pairs)
    kept = frozenset(chosen)
    drawn = [_since_begin(run, now) for run in (a, b)]
    moments = [at for one in (*drawn[0], *drawn[1]) for at in (one.begin, one.end or one.begin)]
    begin, end = min([0.0, *moments]), max([0.0, *moments])
    charts = [
        draw_gantt(
            [one for one in intervals if one.stage in kept],
            begin=begin,
            end=end,
            without_attempts=_without_attempts(intervals, states, chosen),
            most_rows=len(names) + 1,
        )
        for intervals, states in zip(drawn, marks, strict=True)
    ]
    rows = [{row.stage: row for row in chart.rows} for chart in charts]
    usual = {pair.stage: pair.duration.usual for pair in comparison.attempts}
    durations = [_took(rows, name, usual.get(name)) for name in chosen]
    bars = draw_deltas([_delta(one) for one in durations])
    stages = [
        ComparedStage(
            name,
            rows[0].get(name),
            rows[1].get(name),
            duration,
            bar,
            all(pair.equal for pair in pairs.get(name, ())),
        )
        for name, duration, bar in zip(chosen, durations, bars, strict=True)
    ]
    return ComparedStages(stages, charts[0].ticks, len(names) - len(chosen))


def _chosen(names: Sequence[str], pairs: dict[str, list[AttemptPair]]) -> Sequence[str]:
    """Choose the stages that have rows: of too many, first those that differ most."""
    if len(names) <= MOST_ROWS:
        return names

    def sameness(name: str) -> tuple[bool, float]:
        tries = pairs.get(name, [])
        deltas = [abs(pair.duration.delta or 0.0) for pair in tries]
        return all(pair.equal for pair in tries), -sum(deltas)

    kept = frozenset(sorted(names, key=sameness)[:MOST_ROWS])
    return [name for name in names if name in kept]


def _since_begin(run: RunSummary, now: datetime) -> Sequence[Interval]:
    """Give the attempts of a run in seconds since it began; what is open ends now."""
    begin = begin_of(run)
    found = []
    for attempt in run.attempts:
        one = interval(run, attempt)
        goes_on = one.state == "running"
        end = max(one.begin, now.timestamp()) if goes_on else one.end
        if end is None and run.ended_at is not None:
            end = max(one.begin, run.ended_at.timestamp())
        closed = one.begin if end is None else end
        found.append(Interval(one.stage, one.attempt, one.begin - begin, closed - begin, one.state))
    return found


def _without_attempts(
    intervals: Sequence[Interval], states: dict[str, str], chosen: Sequence[str]
) -> dict[str, str]:
    tried = {one.stage for one in intervals}
    return {name: states[name] for name in chosen if name in states and name not in tried}


def _took(
    rows: Sequence[dict[str | None, GanttRow]], stage: str, usual: Usual | None
) -> DurationPair:
    seconds = [row[stage].seconds if stage in row else None for row in rows]
    return pair_durations(seconds[0], seconds[1], usual)


def _delta(duration: DurationPair) -> Delta | None:
    if duration.delta is None:
        return None
    return Delta(duration.delta, duration.usual.spread if duration.usual else None)
