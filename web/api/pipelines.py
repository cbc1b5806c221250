"""The pipelines that runs were recorded of, with how many there are of each result."""

from __future__ import annotations

from pydantic import BaseModel

from projections.pipelines.pipeline_counts import PipelineCounts, pipeline_counts
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.ledger_headers import view_header
from web.parameters import Reading

__all__ = ["ENDPOINTS", "PipelinesAnswer"]


class PipelinesAnswer(BaseModel):
    """The pipelines, in order of their names; runs without one come last."""

    pipelines: tuple[PipelineCounts, ...]


def pipelines(call: Call[Reading]) -> Answer:
    """List the pipelines that have runs."""
    history = call.ledger.history
    found, position = pipeline_counts(history)
    body = PipelinesAnswer(pipelines=tuple(found)).model_dump_json().encode()
    headers = view_header(history, position)
    return Answer(body=body, position=position, headers=headers)


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/pipelines",
        summary="The pipelines",
        answer=pipelines,
        asks=Reading,
        gives=[Gives(model=PipelinesAnswer)],
        is_kept=True,
    ),
)
