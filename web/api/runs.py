"""The runs: their lists, and each of them."""

from __future__ import annotations

import json
import math
import zlib
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, Field, create_model

from projections import RunHistory
from projections.listing.run_filter import LONGEST_REASON, RunFilter
from projections.listing.run_order import RunOrder
from projections.listing.runs_page import goes_on
from projections.runs.run_summary import RunSummary
from web.api.encoded_answer import etag_of
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.api.page_token import NOT_OF_THIS_LIST, next_token, read_token
from web.ledger_headers import position_header
from web.parameters import Limit, Moment, Past, Reading, Seconds
from web.problems import Failure, InvalidParameters, ParameterError, Refused

__all__ = [
    "ENDPOINTS",
    "NOT_THAT_FAR",
    "UNKNOWN_RUN",
    "RunConditions",
    "RunsQuery",
    "unknown_run",
]

UNKNOWN_RUN = Failure(404, "unknown-run", "Unknown run")
NOT_BEGUN = Failure(404, "run-not-begun", "The run had not begun")
NOT_THAT_FAR = Failure(404, "as-of-not-reached", "The log does not reach that far")

_LIVENESS_LASTS = 1.0
"""Seconds for which it is taken that the writer of an open run is as it was."""

_PAIR = r"^[^=]+="
_OF_THE_PAGE = {"limit", "next", "min_position", "timeout"}


class RunConditions(Reading):
    """Which runs: those that meet all conditions."""

    result: Annotated[
        Literal["success", "failed", "stopped", "running"] | None,
        Field(description="How the run ended; `running`: it has no end yet."),
    ] = None
    pipeline: Annotated[str | None, Field(description="The name of its pipeline.")] = None
    stage_executed: Annotated[str | None, Field(description="A stage that was begun.")] = None
    stage_failed: Annotated[str | None, Field(description="A stage whose last attempt failed.")] = (
        None
    )
    metadata: Annotated[
        tuple[Annotated[str, Field(pattern=_PAIR)], ...],
        Field(description="`KEY=VALUE` of its metadata. May be repeated."),
    ] = ()
    started_after: Annotated[Moment | None, Field(description="Started then or later.")] = None
    started_before: Annotated[Moment | None, Field(description="Started earlier.")] = None
    ended_after: Annotated[Moment | None, Field(description="Ended then or later.")] = None
    ended_before: Annotated[Moment | None, Field(description="Ended earlier.")] = None
    duration_above: Annotated[
        Seconds | None, Field(description="Took as many seconds, or more.")
    ] = None
    duration_below: Annotated[Seconds | None, Field(description="Took fewer seconds.")] = None
    reason: Annotated[
        str | None,
        Field(max_length=LONGEST_REASON, description="The reason of its failure holds this text."),
    ] = None
    fingerprint: Annotated[
        str | None, Field(description="An attempt failed with this, as the failures tell.")
    ] = None
    as_of: Annotated[
        Past | None, Field(description="As it was at this position, or at this time.")
    ] = None

    def matching(self) -> RunFilter:
        """Give the conditions."""
        names = set(RunFilter.__struct_fields__) - {"running", "result", "metadata"}
        pairs = [pair.partition("=") for pair in self.metadata]
        metadata = {name: value for name, _, value in pairs}
        if len(metadata) < len(pairs):
            raise InvalidParameters([ParameterError("metadata", "A key is given twice")])
        running = self.result == "running"
        return RunFilter(
            **{name: getattr(self, name) for name in names},
            metadata=metadata,
            running=running,
            result=None if self.result == "running" else self.result,
        )


class RunsQuery(RunConditions):
    """Which runs to list, and how."""

    limit: Annotated[Limit, Field(description="How many at most.")] = 100
    next: Annotated[
        str | None, Field(description="Go on behind the page that gave this token.")
    ] = None
    sort: Annotated[RunOrder, Field(description="What comes first.")] = RunOrder.NEWEST


class RunQuery(Reading):
    """Which run."""

    run_id: str
    as_of: Annotated[
        Past | None, Field(description="As it was at this position, or at this time.")
    ] = None


_ITEM: dict[str, Any] = {
    name: (field.annotation, field)
    for name, field in RunSummary.model_fields.items()
    if name != "attempts"
}
RunItem = create_model("RunItem", __doc__="A run in a list: the run without its attempts.", **_ITEM)


class RunsAnswer(BaseModel):
    """A page of a list of runs."""

    runs: tuple[RunItem, ...]
    total: Annotated[
        int | None,
        Field(description="How many match in all; null where that would have to be counted."),
    ]
    next: Annotated[str | None, Field(description="The token of the next page; null on the last.")]


def unknown_run(history: RunHistory, run_id: str) -> Refused:
    """Say that there is no such run, as far as the view goes."""
    headers = position_header(*history.standing(), history.degraded())
    return Refused(UNKNOWN_RUN.problem(f"No run has the id {run_id!r}."), headers)


def _not_found(history: RunHistory, asked: RunQuery) -> Refused:
    """Tell a run that had not begun in the past that was asked for from one that never did."""
    first = None if asked.as_of is None else history.first_position(asked.run_id)
    if first is None:
        return unknown_run(history, asked.run_id)
    detail = f"The run {asked.run_id!r} had not begun then: its first event is at position {first}."
    headers = position_header(*history.standing(), history.degraded())
    return Refused(NOT_BEGUN.problem(detail, first_position=first), headers)


def list_runs(call: Call[RunsQuery]) -> Answer:
    """List the runs that meet all conditions, newest first or in another order."""
    asked, history = call.asked, call.ledger.history
    same_list = asked.model_dump(exclude=_OF_THE_PAGE, exclude_defaults=True)
    after = None if asked.next is None else read_token(asked.next, same_list)
    page = history.runs_page(
        limit=asked.limit,
        matching=asked.matching(),
        order=asked.sort,
        after=after,
        as_of=asked.as_of,
    )
    token = None if page.after is None else next_token(page.after, same_list)
    headers = dict(position_header(page.position, page.out_of_reach, page.degraded))
    if token is not None:
        given = [pair for pair in call.request.query_params.multi_items() if pair[0] != "next"]
        headers["Link"] = f'<?{urlencode([*given, ("next", token)])}>; rel="next"'
    judged = [] if asked.as_of is not None else list(filter(goes_on, page.items))
    clock = zlib.crc32("".join(judged).encode())
    return Answer(
        body=b'%b,"next":%b}' % (page.encode()[:-1], json.dumps(token).encode()),
        position=page.position,
        etag=f'W/"{page.position}-{call.ledger.tag()}-{clock:08x}"',
        lasts=_LIVENESS_LASTS if judged else math.inf,
        is_past=asked.as_of is not None,
        headers=headers,
    )


def one_run(call: Call[RunQuery]) -> Answer:
    """Give one run: the list item, byte for byte, and its attempts."""
    asked = call.asked
    found = call.ledger.history.run_detail(asked.run_id, as_of=asked.as_of)
    if found is None:
        raise _not_found(call.ledger.history, asked)
    body = found.text.encode()
    is_judged = asked.as_of is None and goes_on(found.text)
    return Answer(
        body=body,
        position=found.position,
        # That of a run which has ended changes with the run alone.
        etag=None if is_judged else etag_of(None, body),
        lasts=_LIVENESS_LASTS if is_judged else math.inf,
        is_past=asked.as_of is not None,
        headers=position_header(found.position, found.out_of_reach, found.degraded),
    )


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/runs",
        summary="List runs",
        answer=list_runs,
        asks=RunsQuery,
        gives=[Gives(model=RunsAnswer)],
        fails=[NOT_THAT_FAR, NOT_OF_THIS_LIST],
        is_kept=True,
        tells=["Link"],
    ),
    Endpoint(
        path="/api/pipeline/runs/{run_id}",
        summary="One run",
        answer=one_run,
        asks=RunQuery,
        gives=[Gives(model=RunSummary)],
        fails=[UNKNOWN_RUN, NOT_BEGUN, NOT_THAT_FAR],
        is_kept=True,
    ),
)
