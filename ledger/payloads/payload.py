"""A payload that is made in a moment, by what was derived from its model, which has the last word.

The pydantic models in ``ledger/events.py`` are the only definition of a payload. To import pydantic
and to make them takes longer than many a command that is recorded. So for what a ledger and its
runs say of themselves there are structs beside them, in ``derived.py``: the same fields, bounds and
defaults.

What a struct takes, its model would take, and both write the same bytes: a test shows that. What a
struct refuses goes to the model, which takes it after all, or says what is wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import msgspec

from ledger.plain_values import check_json

if TYPE_CHECKING:
    from ledger.events import EventData

__all__ = ["Part", "Payload", "build"]

_encode = msgspec.json.Encoder().encode
_LARGE_NUMBER = re.compile(rb"[\[:,]-?[0-9.]+e[0-9]")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several values that belong together inside of a payload."""


class Payload(Part, frozen=True):
    """The payload of one event type, as its model would be."""

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def as_json(self) -> bytes:
        """Encode it as it lies in a line."""
        encoded = _encode(self)
        if _LARGE_NUMBER.search(encoded) is None:
            return encoded
        # What msgspec writes as 1e16 is 1e+16 to pydantic, and the same event has the same bytes.
        return _model_of(type(self), self.as_value()).as_json()

    def as_value(self) -> dict[str, Any]:
        """Give its fields as values that nobody else holds."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value

    def with_value(self, value: dict[str, Any]) -> Self:
        """Give a payload of the same type, with other fields."""
        return build(type(self), **value)


AnyPayload = TypeVar("AnyPayload", bound=Payload)


def build(kind: type[AnyPayload], **fields: object) -> AnyPayload:
    """Make a payload.

    Raises:
        InvalidEvent: names the first field that is wrong, and why.
    """
    given = {
        name: msgspec.structs.asdict(value) if isinstance(value, Part) else value
        for name, value in fields.items()
    }
    try:
        # First what msgspec would write, and no reader of JSON should meet: NaN, a lone surrogate.
        check_json(given)
        return msgspec.json.decode(_encode(given), type=kind)
    except (msgspec.DecodeError, TypeError, ValueError):
        return msgspec.json.decode(_model_of(kind, given).as_json(), type=kind)


def _model_of(kind: type[Payload], fields: dict[str, Any]) -> EventData:
    # Here, as this is what takes so long.
    from ledger import events  # noqa: PLC0415 - see above

    return events.build(events.EVENT_TYPES[kind.type], **fields)
