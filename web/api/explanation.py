"""How a run's summary came about."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from projections.runs.explanation import Explanation, explain_detail
from projections.runs.field_rules import FIELD_RULES
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.api.runs import UNKNOWN_RUN, unknown_run
from web.ledger_headers import position_header
from web.parameters import Reading

__all__ = ["ENDPOINTS", "ExplainQuery"]

_Field = Literal[*FIELD_RULES]  # type: ignore[valid-type] # the names stand in one place


class ExplainQuery(Reading):
    """Which run, and which of its fields."""

    run_id: str
    field: Annotated[_Field | None, Field(description="Only this field of the summary.")] = None


def explain_run(call: Call[ExplainQuery]) -> Answer:
    """Explain a summary: the events that set each field, the rule, and the events ignored."""
    asked, history = call.asked, call.ledger.history
    found = history.run_detail(asked.run_id)
    if found is None:
        raise unknown_run(history, asked.run_id)
    explanation = explain_detail(history.reader, found)
    if asked.field is not None:
        explanation = explanation.only(asked.field)
    headers = position_header(found.position, found.out_of_reach, found.degraded)
    body = explanation.model_dump_json().encode()
    return Answer(body=body, position=found.position, headers=headers)


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/runs/{run_id}/explain",
        summary="How a run's summary came about",
        answer=explain_run,
        asks=ExplainQuery,
        gives=[Gives(model=Explanation)],
        fails=[UNKNOWN_RUN],
    ),
)
