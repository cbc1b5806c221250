"""What fails: each kind of failure once, by its fingerprint."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from projections.failures.by_fingerprint import FailuresPage, list_failures
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.ledger_headers import view_header
from web.parameters import Flag, Limit, Moment, Reading
from web.problems import InvalidParameters, ParameterError

__all__ = ["ENDPOINTS", "FailuresQuery"]


class FailuresQuery(Reading):
    """Which failures."""

    since: Annotated[Moment | None, Field(description="Count only failures from then on.")] = None
    new_since: Annotated[
        Moment | None, Field(description="Only kinds that were not seen before then.")
    ] = None
    new_version: Annotated[
        str | None,
        Field(description="Only kinds that were not seen before this code version failed."),
    ] = None
    pipeline: Annotated[str | None, Field(description="Only those of this pipeline.")] = None
    all: Annotated[
        Flag, Field(description="Those acknowledged, and those that were all retried, too.")
    ] = False
    limit: Annotated[Limit, Field(description="How many kinds at most.")] = 100


def failures(call: Call[FailuresQuery]) -> Answer:
    """List what fails, the last seen first."""
    asked, history = call.asked, call.ledger.history
    if asked.new_since is not None and asked.new_version is not None:
        detail = "Cannot be given together with new_since"
        raise InvalidParameters([ParameterError("new_version", detail)])
    page = list_failures(
        history,
        since=asked.since,
        new_since=asked.new_version if asked.new_since is None else asked.new_since,
        pipeline=asked.pipeline,
        every=asked.all,
        limit=asked.limit,
    )
    headers = view_header(history, page.position)
    return Answer(body=page.model_dump_json().encode(), position=page.position, headers=headers)


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/failures",
        summary="What fails",
        answer=failures,
        asks=FailuresQuery,
        gives=[Gives(model=FailuresPage)],
        is_kept=True,
    ),
)
