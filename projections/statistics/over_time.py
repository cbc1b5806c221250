"""How often, how well and how fast: the statistics of pipelines and stages over time.

``docs/statistics.md`` gives the rules: what is counted, when, and how exact percentiles are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo

import msgspec
from pydantic import BaseModel, ConfigDict

from ledger.errors import InvalidEvent
from projections.listing.period import check_period
from projections.listing.run_filter import check_moment
from projections.listing.run_history import RunHistory
from projections.read_model.queries import query
from projections.statistics.histogram import percentiles
from projections.statistics.slot_counts import StageSums, tallied, text_of
from projections.statistics.statistics_rows import DAY, HOUR, QUARTER
from projections.statistics.time_buckets import (
    BUCKETS,
    FIRST,
    LAST,
    Bounds,
    TimeBucket,
    buckets_of,
    zone_of,
)

__all__ = [
    "BucketFigures",
    "Durations",
    "Figures",
    "PipelineStatistics",
    "StageStatistics",
    "Statistics",
    "statistics",
]

_SHARES = (0.5, 0.9, 0.95, 0.99)
_NOTHING = StageSums()


class _Served(BaseModel):
    model_config = ConfigDict(frozen=True)


class Durations(_Served):
    """How long runs or attempts took, in seconds; percentiles within 1%, the maximum exactly."""

    count: int
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class Figures(_Served):
    """What ended in some time.

    Attributes:
        runs: how many runs ended; of a stage: in how many runs it did.
        succeeded: how many of them with success; of a stage: by its last attempt.
        failed: likewise.
        stopped: likewise.
        success_rate: what share succeeded; null where nothing ended.
        retries: attempts that were not the first.
        flaky: how many stages failed, and passed on a later attempt; of a pipeline: in how many
            runs a stage did.
        duration: of the runs; of a stage: of all its attempts. Null where none is known.
    """

    runs: int
    succeeded: int
    failed: int
    stopped: int
    success_rate: float | None
    retries: int
    flaky: int
    duration: Durations | None


class BucketFigures(_Served):
    """The figures of a day or an hour, whose bounds are given in the time zone asked for."""

    begin: datetime
    end: datetime
    figures: Figures


class StageStatistics(_Served):
    """One stage of a pipeline: over the whole time, and over its buckets with something in them."""

    stage: str
    total: Figures
    buckets: tuple[BucketFigures, ...]


class PipelineStatistics(_Served):
    """One pipeline likewise, and its stages; ``pipeline`` is null for runs that have none."""

    pipeline: str | None
    total: Figures
    buckets: tuple[BucketFigures, ...]
    stages: tuple[StageStatistics, ...]


class Statistics(_Served):
    """The statistics of pipelines in the order of their names, and the position they reflect.

    ``since`` and ``until`` are those that were used: times between two quarters of an hour are
    moved outwards to those. Null is without a bound.
    """

    pipelines: tuple[PipelineStatistics, ...]
    since: datetime | None
    until: datetime | None
    bucket: TimeBucket
    timezone: str
    position: int


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    pipeline: str | None
    since: int
    until: int
    bucket: TimeBucket
    zone: tzinfo


def statistics(
    history: RunHistory,
    *,
    pipeline: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    bucket: TimeBucket = "day",
    timezone: str = "UTC",
) -> Statistics:
    """Give the statistics of what really ended in some time.

    Args:
        history: of the ledger.
        pipeline: only this one; an unknown one has none.
        since: count only what ended then or later.
        until: count only what ended before.
        bucket: ``day`` or ``hour``.
        timezone: the IANA name of the zone whose days and hours are meant.

    Raises:
        InvalidEvent: an argument is not what it must be; names it.
        PeriodReversed: the time ends before it begins.
    """
    if bucket not in BUCKETS:
        raise InvalidEvent("bucket", f"{bucket!r} is not one of {', '.join(BUCKETS)}")
    begin, end = _seconds("since", since, FIRST), _seconds("until", until, LAST)
    check_period(("since", since), ("until", until))
    asked = _Asked(
        pipeline=pipeline,
        since=begin - begin % QUARTER,
        until=end + -end % QUARTER,
        bucket=bucket,
        zone=zone_of(timezone),
    )

    def answer(connection: sqlite3.Connection, position: int) -> Statistics:
        return Statistics(
            pipelines=tuple(_pipelines(connection, asked)),
            since=None if since is None else _local(asked.since, asked.zone),
            until=None if until is None else _local(asked.until, asked.zone),
            bucket=bucket,
            timezone=timezone,
            position=position,
        )

    return history.ask(answer)


def _seconds(field: str, moment: datetime | None, otherwise: int) -> int:
    """Give a time in whole seconds since 1970, the later one of two."""
    if moment is None:
        return otherwise
    check_moment(field, moment)
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    whole = int(seconds // 1)
    # What lies between two seconds only matters for the end, which is moved up.
    whole += field == "until" and seconds > whole
    return min(max(whole, FIRST), LAST)


def _local(at: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at, zone)


def _pipelines(connection: sqlite3.Connection, asked: _Asked) -> Iterator[PipelineStatistics]:
    """Read the tallies of all buckets, and yield what they come to by pipeline."""
    values = {"pipeline": asked.pipeline, "width": DAY}
    names = [name for (name,) in connection.execute(query("statistics_pipelines"), values)]
    found_buckets = _buckets(connection, asked, names)
    bounds = [(_local(begin, asked.zone), _local(end, asked.zone)) for begin, end in found_buckets]
    times = [(max(begin, asked.since), min(end, asked.until)) for begin, end in found_buckets]
    for name, sums in tallied(connection, names, times):
        runs = sums.get("", _NOTHING)
        yield PipelineStatistics(
            pipeline=name or None,
            total=_total(runs),
            buckets=_over_time(runs, bounds),
            stages=tuple(
                [
                    StageStatistics(
                        stage=stage,
                        total=_total(sums[stage]),
                        buckets=_over_time(sums[stage], bounds),
                    )
                    for stage in sorted(sums)
                    if stage
                ]
            ),
        )


def _buckets(
    connection: sqlite3.Connection, asked: _Asked, names: Sequence[str]
) -> Sequence[Bounds]:
    """Give the buckets in which something may have ended."""
    width = DAY if asked.bucket == "day" else HOUR
    values = {
        "pipelines": text_of(names),
        "width": width,
        "since": asked.since,
        "until": asked.until,
    }
    slots = [slot for (slot,) in connection.execute(query("statistics_slots"), values)]
    found = buckets_of(slots, width, asked.bucket, asked.zone)
    # A slot that a bound cuts through may touch buckets that lie beyond it, and all do where the
    # bounds have nothing between them.
    return [(begin, end) for begin, end in found if max(begin, asked.since) < min(end, asked.until)]


def _over_time(
    held: StageSums, bounds: Sequence[tuple[datetime, datetime]]
) -> tuple[BucketFigures, ...]:
    return tuple(
        [
            BucketFigures(
                begin=bounds[at][0],
                end=bounds[at][1],
                figures=_figures(held, held.sums[at], held.longest[at]),
            )
            for at in sorted(held.sums)
        ]
    )


def _total(held: StageSums) -> Figures:
    longest = max([held.longest[at] for at in held.sums], default=0.0)
    return _figures(held, sum(held.sums.values()), longest)


def _figures(held: StageSums, number: int, longest: float) -> Figures:
    """Give the figures of a sum, and of the longest duration in it."""
    words, durations = held.apart(number)
    succeeded, failed, stopped, retries, flaky = words
    runs = succeeded + failed + stopped
    return Figures(
        runs=runs,
        succeeded=succeeded,
        failed=failed,
        stopped=stopped,
        success_rate=succeeded / runs if runs else None,
        retries=retries,
        flaky=flaky,
        duration=_durations(held.buckets, durations, longest),
    )


def _durations(buckets: Sequence[str], counts: Sequence[int], longest: float) -> Durations | None:
    count = sum(counts)
    if not count:
        return None
    p50, p90, p95, p99 = percentiles(buckets, counts, _SHARES, longest)
    return Durations(count=count, p50=p50, p90=p90, p95=p95, p99=p99, max=longest)
