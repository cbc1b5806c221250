"""The stages and attempts of a run over time: a row for each stage, a bar for each attempt.

The attempts of a stage are stacked, each in a lane of its own, with the wait between two drawn as
a line in the lane of the later one. A run with very many stages or attempts is drawn in bounded
space: stages beyond a number share one row, and attempts beyond a number share lanes.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from web.charts.time_axis import Tick, TimeAxis
from web.wording import duration_text

__all__ = ["Bar", "Gantt", "GanttRow", "Interval", "Wait", "draw_gantt"]

MOST_ROWS = 60
MOST_LANES = 8
_LEAST_WIDTH = 0.35
_CLOSE = 0.1
_HEADROOM = 0.04
_DEEPEST = 3
# A state that a reader looks for comes before one that is as it should be.
_WORTH = {"failed": 0, "running": 1, "stopped": 2, "unfinished": 3, "completed": 4}


class Interval(NamedTuple):
    """One attempt, as it is drawn; a tuple, as a run may have very many.

    Attributes:
        stage: its stage.
        attempt: its number, from 1.
        begin: when it began, in seconds of any clock.
        end: when it ended; None while it goes on.
        state: completed, failed, stopped, running or unfinished.
    """

    stage: str
    attempt: int
    begin: float
    end: float | None
    state: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt: place and size in percent of the width.

    Attributes:
        lane: which of the stacked lanes of its row it is in, from 0.
        grows: how many percent it gains in a millisecond; 0 where it has ended.
        most: how wide it may become.
    """

    x: float
    width: float
    lane: int
    state: str
    label: str
    grows: float = 0.0
    most: float = 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """The time between two attempts of a stage, from ``x`` on."""

    x: float
    width: float
    lane: int


@dataclass(frozen=True, slots=True)
class GanttRow:
    """One stage, or the last row: the stages that have none of their own.

    Attributes:
        stage: its whole name; None for those that share a row.
        within: the part of the name that no row above says, like ``load/``.
        name: the last part of it.
        depth: within how many stages it is that have rows.
        state: how its last attempt stands.
        lanes: how many lie above each other.
        attempts: how many there are.
        seconds: how long all of them took together; None where that is not known.
        since: where one goes on: when it would have begun, had there been no others.
        stages: how many stages the row stands for.
    """

    stage: str | None
    within: str
    name: str
    depth: int
    state: str
    bars: Sequence[Bar]
    waits: Sequence[Wait]
    lanes: int
    attempts: int
    seconds: float | None
    since: float | None = None
    stages: int = 1


@dataclass(frozen=True, slots=True)
class Gantt:
    """The whole chart."""

    rows: Sequence[GanttRow]
    ticks: Sequence[Tick]


def draw_gantt(
    intervals: Sequence[Interval],
    *,
    begin: float,
    end: float,
    now: float | None = None,
    without_attempts: Mapping[str, str] | None = None,
    most_rows: int = MOST_ROWS,
) -> Gantt:
    """Lay out the attempts of a run.

    Args:
        intervals: the attempts, in order.
        begin: where the axis begins, in seconds.
        end: where it ends, if nothing goes on.
        now: what time it is, where the run goes on; the axis then goes a little beyond.
        without_attempts: stages that have none, each with its state, like skipped or waiting.
        most_rows: beyond so many, stages share the last row.
    """
    last = max([end, *[one.end for one in intervals if one.end is not None]])
    if now is not None:
        last = max(last, now) + max(1.0, (now - begin) * _HEADROOM)
    axis = TimeAxis(min([begin, *[one.begin for one in intervals]]), last)
    by_stage: dict[str, list[Interval]] = {}
    for one in intervals:
        by_stage.setdefault(one.stage, []).append(one)
    shown = _shown(by_stage, most_rows)
    named = {*by_stage, *(without_attempts or {})}
    rows = [_row(stage, by_stage[stage], axis, now, named) for stage in by_stage if stage in shown]
    rest = [one for stage, tries in by_stage.items() if stage not in shown for one in tries]
    if rest:
        rows.append(_rest(rest, axis, now))
    room = max(0, most_rows - len(rows))
    for stage, state in list((without_attempts or {}).items())[:room]:
        within, name, depth = _parts(stage, named)
        rows.append(GanttRow(stage, within, name, depth, state, (), (), 1, 0, None))
    return Gantt(rows, axis.ticks())


def _shown(by_stage: Mapping[str, Sequence[Interval]], most: int) -> frozenset[str]:
    """Choose the stages that have rows of their own: first those that went wrong, then in order."""
    if len(by_stage) <= most:
        return frozenset(by_stage)
    worth = {stage: _WORTH.get(tries[-1].state, 4) for stage, tries in by_stage.items()}
    return frozenset(sorted(by_stage, key=worth.__getitem__)[: most - 1])


def _row(
    stage: str,
    tries: Sequence[Interval],
    axis: TimeAxis,
    now: float | None,
    named: Collection[str],
) -> GanttRow:
    within, name, depth = _parts(stage, named)
    took = _seconds(tries, now)
    lanes = min(len(tries), MOST_LANES)
    # The last lane is shared by those that have none of their own.
    own = lanes if lanes == len(tries) else lanes - 1
    bars = [_bar(one, axis, lane, now) for lane, one in enumerate(tries[:own])]
    bars += _together(tries[own:], axis, own, now)
    waits = [
        _wait(earlier, later, axis, lane)
        for lane, (earlier, later) in enumerate(pairwise(tries[:own]), 1)
    ]
    return GanttRow(
        stage,
        within,
        name,
        depth,
        tries[-1].state,
        bars,
        [wait for wait in waits if wait.width > 0],
        lanes,
        len(tries),
        took,
        None if now is None or took is None or tries[-1].state != "running" else now - took,
    )


def _rest(tries: Sequence[Interval], axis: TimeAxis, now: float | None) -> GanttRow:
    """Put the attempts of many stages into one row, as far as they can be told apart."""
    bars = _together(tries, axis, 0, now)
    states = {one.stage: one.state for one in tries}
    state = min(states.values(), key=lambda each: _WORTH.get(each, 4))
    return GanttRow(None, "", "", 0, state, bars, (), 1, len(tries), None, stages=len(states))


def _together(tries: Sequence[Interval], axis: TimeAxis, lane: int, now: float | None) -> list[Bar]:
    """Draw attempts in one lane: those that touch and are alike as one bar, which tells no more."""
    close, least = axis.span * _CLOSE / 100, axis.span * _LEAST_WIDTH / 100
    groups: list[list[Interval]] = []
    reach = axis.begin
    state = ""
    for one in sorted(tries, key=attrgetter("begin")):
        _, _, begin, end, its = one
        if end is None:
            end = _end(one, axis, now)
        ends = max(begin + least, end)
        if its == state and begin <= reach + close:
            groups[-1].append(one)
            reach = max(reach, ends)
        else:
            groups.append([one])
            reach, state = ends, its
    return [_joined(alike, axis, lane, now) for alike in groups]


def _joined(alike: Sequence[Interval], axis: TimeAxis, lane: int, now: float | None) -> Bar:
    last = max(alike, key=lambda one: _end(one, axis, now))
    bar = _bar(last._replace(begin=alike[0].begin), axis, lane, now)
    return bar if len(alike) == 1 else replace(bar, label="")


def _end(one: Interval, axis: TimeAxis, now: float | None) -> float:
    if one.end is not None:
        return one.end
    return axis.end if now is None else now


def _bar(one: Interval, axis: TimeAxis, lane: int, now: float | None) -> Bar:
    x = min(axis.x(one.begin), 100 - _LEAST_WIDTH)
    width = max(axis.width(one.begin, _end(one, axis, now)), _LEAST_WIDTH)
    goes_on = one.state == "running" and now is not None
    grows = 100 / axis.span / 1000 if goes_on else 0.0
    most = round(100 - x, 3) if goes_on else 0.0
    return Bar(x, width, lane, one.state, _label(one, axis), grows, most)


def _label(one: Interval, axis: TimeAxis) -> str:
    """Say what a bar stands for when it is pointed at."""
    took = "" if one.end is None else f" in {duration_text(one.end - one.begin)}"
    after = duration_text(max(0.0, one.begin - axis.begin))
    return f"attempt {one.attempt}: {one.state}{took}, begun after {after}"


def _wait(earlier: Interval, later: Interval, axis: TimeAxis, lane: int) -> Wait:
    begin = later.begin if earlier.end is None else earlier.end
    return Wait(axis.x(begin), axis.width(begin, later.begin), lane)


def _seconds(tries: Sequence[Interval], now: float | None) -> float | None:
    took = 0.0
    for one in tries:
        ends = one.end if one.end is not None else now
        if ends is None:
            return None
        took += max(0.0, ends - one.begin)
    return min(took, sys.float_info.max)


def _parts(stage: str, named: Collection[str]) -> tuple[str, str, int]:
    """Tell a name from what it is within, and that from the stages that have rows themselves."""
    parts = stage.split("/")
    outer = ["/".join(parts[:number]) for number in range(1, len(parts))]
    around = [one for one in outer if one in named]
    rest = stage.removeprefix(f"{around[-1]}/") if around else stage
    within, slash, name = rest.rpartition("/")
    return within + slash, name, min(len(around), _DEEPEST)
