"""Two runs side by side."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from projections.comparing.compared_runs import compare_recorded
from projections.comparing.run_comparison import RunComparison
from projections.errors import NoEarlierSuccess
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.api.runs import UNKNOWN_RUN, unknown_run
from web.ledger_headers import view_header
from web.parameters import Flag, Reading
from web.problems import Failure, Refused

__all__ = ["ENDPOINTS", "CompareQuery"]

NO_EARLIER_SUCCESS = Failure(404, "no-earlier-success", "There is no success to compare with")


class CompareQuery(Reading):
    """Which runs."""

    a: Annotated[str, Field(description="The run that is asked about.")]
    b: Annotated[
        str | None,
        Field(description="What it is compared with; else the success of its pipeline before it."),
    ] = None
    all: Annotated[Flag, Field(description="What is the same, too.")] = False


def compare(call: Call[CompareQuery]) -> Answer:
    """Compare two runs: what differs, how long each stage took, and where their ways part."""
    asked, history = call.asked, call.ledger.history
    try:
        found = compare_recorded(history, asked.a, asked.b)
    except NoEarlierSuccess as error:
        raise Refused(NO_EARLIER_SUCCESS.problem(f"{error}.")) from None
    if found is None:
        is_first = asked.b is None or history.run_json(asked.a) is None
        raise unknown_run(history, asked.a if is_first else asked.b or "")
    shown = found if asked.all else found.differences()
    headers = view_header(history, found.position)
    return Answer(body=shown.model_dump_json().encode(), position=found.position, headers=headers)


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/compare",
        summary="Two runs side by side",
        answer=compare,
        asks=CompareQuery,
        gives=[Gives(model=RunComparison)],
        fails=[UNKNOWN_RUN, NO_EARLIER_SUCCESS],
    ),
)
