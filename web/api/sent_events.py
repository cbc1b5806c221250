"""What may be sent to be appended, as models: the part of the document that tells producers.

What is sent is read by ``ledger.remote.wire``, which says of each event what is wrong with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

from ledger.events import RUNLESS_TYPES, EventData
from ledger.fields import Identifier
from ledger.remote.wire import PRODUCER_TYPES
from web.parameters import Moment

__all__ = ["SentEvents"]

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class _Sent(BaseModel):
    """What a producer says of an event of any type."""

    model_config = ConfigDict(extra="forbid")

    event_id: Annotated[
        str | None,
        Field(pattern=_UUID, description="Made by the producer, so that it may send it again."),
    ] = None
    occurred_at: Annotated[Moment | None, Field(description="When it happened.")] = None


def _sent_as(name: str, model: type[EventData]) -> type[_Sent]:
    """Describe an event of one type, with the very model of its payload."""
    version = Field(ge=1, le=model.schema_version, description="Of its payload.")
    fields: dict[str, Any] = {
        "type": (Literal[name], ...),
        "schema_version": (Annotated[int | None, version], None),
        "data": (model, ...),
    }
    if name in RUNLESS_TYPES:
        fields["run_id"] = (Annotated[None, Field(description="It is of no run.")], None)
    else:
        fields["run_id"] = (Annotated[Identifier, Field(description="The run it is of.")], ...)
    return create_model(f"Sent{model.__name__}", __base__=_Sent, __doc__=model.__doc__, **fields)


if TYPE_CHECKING:
    AnyEvent = _Sent
else:
    AnyEvent = Union[tuple(_sent_as(*each) for each in PRODUCER_TYPES.items())]  # noqa: UP007 - of a list

SomeEvents = Annotated[tuple[AnyEvent, ...], Field(min_length=1)]


class SentBatch(BaseModel):
    """Events that are appended together, or not at all."""

    model_config = ConfigDict(extra="forbid")

    events: SomeEvents


class SentEvents(RootModel[AnyEvent | SomeEvents | SentBatch]):
    """One event, a list of them, or an object that holds the list."""
