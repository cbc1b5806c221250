"""How often, how well and how fast pipelines and their stages run."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from projections.statistics.flaky import FlakyStage, flaky_stages
from projections.statistics.over_time import Statistics, statistics
from projections.statistics.regressions import RegressionsPage, list_regressions
from projections.statistics.time_buckets import TimeBucket
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.ledger_headers import view_header
from web.parameters import Limit, Moment, Reading

__all__ = ["ENDPOINTS", "RegressionsQuery", "StatsQuery"]

_ZONE = r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$"


class _Time(Reading):
    """Of which pipeline, and of which time."""

    pipeline: Annotated[str | None, Field(description="Only this pipeline.")] = None
    since: Annotated[Moment | None, Field(description="Only from then on.")] = None
    until: Annotated[Moment | None, Field(description="Only before then.")] = None


class StatsQuery(_Time):
    """Which statistics: of what ended in some time."""

    bucket: Annotated[TimeBucket, Field(description="Over what they are split.")] = "day"
    timezone: Annotated[
        str, Field(pattern=_ZONE, description="The IANA name of the zone whose days are meant.")
    ] = "UTC"


class RegressionsQuery(_Time):
    """Which runs that were slower than usual: of those that began in some time."""

    limit: Annotated[Limit, Field(description="How many at most.")] = 100


class FlakyAnswer(BaseModel):
    """Stages that failed and passed when they were tried again, those that did most often first."""

    stages: tuple[FlakyStage, ...]
    position: int


def _answer(call: Call[Any], found: BaseModel, position: int) -> Answer:
    headers = view_header(call.ledger.history, position)
    return Answer(body=found.model_dump_json().encode(), position=position, headers=headers)


def _statistics(call: Call[StatsQuery]) -> Statistics:
    asked = call.asked
    return statistics(
        call.ledger.history,
        pipeline=asked.pipeline,
        since=asked.since,
        until=asked.until,
        bucket=asked.bucket,
        timezone=asked.timezone,
    )


def stats(call: Call[StatsQuery]) -> Answer:
    """Give runs, success rate, retries and durations of pipelines and stages, over time."""
    found = _statistics(call)
    return _answer(call, found, found.position)


def flaky(call: Call[StatsQuery]) -> Answer:
    """List the stages that failed, and passed when they were retried."""
    found = _statistics(call)
    answer = FlakyAnswer(stages=flaky_stages(found), position=found.position)
    return _answer(call, answer, found.position)


def regressions(call: Call[RegressionsQuery]) -> Answer:
    """List the successful runs that were slower than usual, or a stage of which was."""
    asked = call.asked
    page = list_regressions(
        call.ledger.history,
        since=asked.since,
        until=asked.until,
        pipeline=asked.pipeline,
        limit=asked.limit,
    )
    return _answer(call, page, page.position)


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/stats",
        summary="How often, how well and how fast",
        answer=stats,
        asks=StatsQuery,
        gives=[Gives(model=Statistics)],
        is_kept=True,
    ),
    Endpoint(
        path="/api/pipeline/stats/flaky",
        summary="What passes when it is retried",
        answer=flaky,
        asks=StatsQuery,
        gives=[Gives(model=FlakyAnswer)],
        is_kept=True,
    ),
    Endpoint(
        path="/api/pipeline/stats/regressions",
        summary="What was slower than usual",
        answer=regressions,
        asks=RegressionsQuery,
        gives=[Gives(model=RegressionsPage)],
        is_kept=True,
    ),
)
