"""How a pipeline and its stages do over time, as the page of a pipeline shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from projections import RunHistory
from projections.statistics.over_time import BucketFigures, Figures, statistics
from web.charts.sparkline import spark_lines

__all__ = ["PipelineTrends", "StageTrend", "pipeline_trends"]

_MOST_STAGES = 100
_SHARES = ("p50", "p90", "p99")


@dataclass(frozen=True, slots=True)
class StageTrend:
    """The figures of a stage, or of the runs themselves, whose ``stage`` is None.

    Attributes:
        lines: the medians over time, as points.
        buckets: the figures of each day or hour in which anything ended.
    """

    stage: str | None
    total: Figures
    lines: Sequence[str]
    buckets: Sequence[BucketFigures]


@dataclass(frozen=True, slots=True)
class PipelineTrends:
    """All of them.

    Attributes:
        rows: the runs themselves first, then the stages.
        left: how many stages are not among them.
        drawn: the one of which the chart is; None where nothing of it ended in this time.
        data: what the chart is drawn from, as JSON: times in seconds, and lists of durations.
        unit: what a bucket is.
    """

    rows: Sequence[StageTrend]
    left: int
    drawn: StageTrend | None
    data: str
    unit: str


def pipeline_trends(
    history: RunHistory,
    pipeline: str,
    *,
    stage: str | None,
    order: Sequence[str],
    since: datetime,
    by_hour: bool,
) -> PipelineTrends:
    """Read the statistics of a pipeline.

    Args:
        history: of the ledger.
        pipeline: its name.
        stage: whose durations are drawn; None for the runs.
        order: the stages in the order in which they are listed; others come behind.
        since: what ended before is not counted.
        by_hour: whether by the hour, not by the day.
    """
    unit = "hour" if by_hour else "day"
    found = statistics(
        history, pipeline=pipeline, since=since, bucket="hour" if by_hour else "day"
    ).pipelines
    if not found:
        return PipelineTrends((), 0, None, "{}", unit)
    whole = found[0]
    buckets = [whole.buckets, *[one.buckets for one in whole.stages]]
    times = sorted({one.begin for each in buckets for one in each})
    places = {name: place for place, name in enumerate(order)}
    rows = [
        StageTrend(None, whole.total, _lines(whole.buckets, times), whole.buckets),
        *[
            StageTrend(one.stage, one.total, _lines(one.buckets, times), one.buckets)
            for one in sorted(whole.stages, key=lambda one: places.get(one.stage, len(places)))
        ],
    ]
    drawn = next((row for row in rows if row.stage == stage and row.total.duration), None)
    shown = rows[: _MOST_STAGES + 1]
    return PipelineTrends(shown, len(rows) - len(shown), drawn, _data(drawn), unit)


def _lines(buckets: Sequence[BucketFigures], times: Sequence[datetime]) -> Sequence[str]:
    medians = {
        one.begin: one.figures.duration.p50 for one in buckets if one.figures.duration is not None
    }
    return spark_lines([medians.get(time) for time in times])


def _data(drawn: StageTrend | None) -> str:
    """Write what the chart is drawn from."""
    if drawn is None:
        return "{}"
    known = [(one.begin, one.figures.duration) for one in drawn.buckets if one.figures.duration]
    data: Mapping[str, Sequence[float]] = {
        "at": [begin.timestamp() for begin, _ in known],
        **{share: [round(getattr(took, share), 4) for _, took in known] for share in _SHARES},
    }
    return msgspec.json.encode(data).decode()
