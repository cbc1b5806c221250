"""How the projections stand: how far they are, and what they could not take."""

from __future__ import annotations

from types import GenericAlias
from typing import Any

import msgspec
from pydantic import BaseModel, create_model

from projections.read_model.projection_standing import ProjectionStanding, parked_in, standings
from projections.read_model.row_store import ParkedEvent
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.ledger_headers import view_header
from web.parameters import Reading

__all__ = ["ENDPOINTS"]


def _model_of(struct: type[msgspec.Struct]) -> type[BaseModel]:
    """Make a model with the name, the words and the fields of a struct, for the document."""
    fields: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(struct)}
    return create_model(
        struct.__name__, __doc__=(struct.__doc__ or "").partition("\n")[0], **fields
    )


_STANDINGS: Any = GenericAlias(tuple, (_model_of(ProjectionStanding), ...))
_PARKED: Any = GenericAlias(tuple, (_model_of(ParkedEvent), ...))
ProjectionsAnswer = create_model(
    "ProjectionsAnswer",
    __doc__="The projections that are installed or in the current model, and the events parked.",
    projections=(_STANDINGS, ...),
    parked=(_PARKED, ...),
)


def projections(call: Call[Reading]) -> Answer:
    """Say how each projection stands: its version, how far it is, and what it could not take."""
    folder, history = call.ledger.reader.folder.path, call.ledger.history
    position = history.catch_up()
    answer = {"projections": standings(folder), "parked": parked_in(folder)}
    headers = view_header(history, position)
    return Answer(body=msgspec.json.encode(answer), position=position, headers=headers)


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/projections",
        summary="How the projections stand",
        answer=projections,
        asks=Reading,
        gives=[Gives(model=ProjectionsAnswer)],
        is_kept=True,
    ),
)
