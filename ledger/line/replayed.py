"""The event as a fold sees it: decoded several times faster than the model, from one definition.

The pydantic models in ``events.py`` are the only definition of a payload. From each of them a
msgspec struct with the same fields is derived here, which stands for the model: it has the same
attributes. What a struct refuses (an old schema version, an unknown type, a value that the model
would coerce) is decoded by the codec, and then given as the same struct.

Text patterns and the limits of JSON are not checked again: the line passed them when it was
written, and its CRC says that it is that line.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from pydantic import BaseModel

from ledger.events import EVENT_TYPES, EventData
from ledger.line.decoding import decode
from ledger.line.times import TIME_WIDTH, are_times
from ledger.plain_values import utc_text
from ledger.recorded import RecordedEvent, UnreadData

__all__ = ["ReplayedEvent", "decode_replayed", "decode_together", "is_unread", "struct_of"]

_UtcText = Annotated[str, msgspec.Meta(min_length=TIME_WIDTH, max_length=TIME_WIDTH)]
_AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


class ReplayedEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A fact in the log, for folds; ``RecordedEvent`` is the same fact with its raw line.

    Attributes:
        position: 1-based ordinal in the whole log, no gaps.
        event_id: what its producer named it by.
        run_id: the run it belongs to; null for events of no run.
        sequence: 1-based ordinal within the run; 0 for events of no run.
        schema_version: the version of the payload as it was written.
        occurred_text: when it happened, by the producer's clock: 27 characters of UTC, which
            compare as the times do.
        recorded_text: when it was appended, likewise.
        data: the payload, with the attributes of the model of its type; ``UnreadData`` where this
            version does not know it.
        type: the name of its type.
    """

    position: int
    event_id: str
    run_id: str | None
    sequence: int
    schema_version: int
    occurred_text: _UtcText = msgspec.field(name="occurred_at")
    recorded_text: _UtcText = msgspec.field(name="recorded_at")
    data: Any

    if TYPE_CHECKING:

        @property
        def type(self) -> str:
            """The name of its type; each derived struct has its own."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened, by the producer's clock."""
        return datetime.fromisoformat(self.occurred_text)

    @property
    def recorded_at(self) -> datetime:
        """When it was appended; never runs backwards."""
        return datetime.fromisoformat(self.recorded_text)


class _EventOfOtherKind(ReplayedEvent, frozen=True, gc=False, kw_only=True):
    """An event that no derived struct could hold: its type stands in a field."""

    type: str


_Field: TypeAlias = tuple[str, Any] | tuple[str, Any, Any]


@cache
def struct_of(model: type[BaseModel]) -> type[msgspec.Struct]:
    """Derive the struct that stands for a model: the same names, types, bounds and defaults."""
    hints = get_type_hints(model, include_extras=True)
    return msgspec.defstruct(
        model.__name__,
        [_field(name, hints[name], model) for name in model.model_fields],
        frozen=True,
        gc=False,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _field(name: str, hint: object, model: type[BaseModel]) -> _Field:
    info = model.model_fields[name]
    kind = _kind(hint)
    if info.is_required():
        return name, kind
    if info.default_factory is not None:
        make: Any = info.default_factory
        return name, kind, msgspec.field(default_factory=make)
    return name, kind, info.default


def _kind(hint: object) -> Any:  # noqa: ANN401 - a type expression
    """Give the type that msgspec decodes where the model has ``hint``."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds: dict[str, Any] = {}
        for note in _flat(parts[1:]):
            given = {name: getattr(note, name, None) for name in ("ge", "le")}
            bounds |= {name: bound for name, bound in given.items() if bound is not None}
        kind = _kind(parts[0])
        return Annotated[kind, msgspec.Meta(**bounds)] if bounds else kind
    if origin in (Union, types.UnionType):
        return Union[tuple(_kind(part) for part in parts)]  # noqa: UP007 - made from a tuple
    if origin is tuple:
        return tuple[tuple(part if part is ... else _kind(part) for part in parts)]  # type: ignore[misc] # made from a tuple
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return struct_of(hint)
    return _AwareTime if hint is datetime else hint


def _flat(notes: Sequence[object]) -> list[object]:
    """Take apart what pydantic's ``Field`` bundles."""
    return [part for note in notes for part in getattr(note, "metadata", None) or [note]]


def _event_struct(model: type[EventData]) -> type[ReplayedEvent]:
    made: Any = msgspec.defstruct(
        f"Replayed{model.__name__}",
        [("schema_version", Literal[model.schema_version]), ("data", struct_of(model))],
        bases=(ReplayedEvent,),
        namespace={"type": model.type},
        tag_field="type",
        tag=model.type,
        frozen=True,
        gc=False,
        kw_only=True,
    )
    derived: type[ReplayedEvent] = made
    return derived


_STRUCTS: Mapping[str, type[ReplayedEvent]] = {
    name: _event_struct(model) for name, model in EVENT_TYPES.items()
}
_decode_known: Callable[[bytes], ReplayedEvent] = msgspec.json.Decoder(
    Union[tuple(_STRUCTS.values())]  # noqa: UP007 - made from a tuple
).decode


def decode_replayed(line: bytes) -> ReplayedEvent:
    """Decode one line, without its newline, whose CRC was checked.

    Raises:
        BadLine: the line is not what the format says.
    """
    try:
        event = _decode_known(line)
    except msgspec.DecodeError:
        return _from_model(decode(line))
    return event if _are_times([event]) else _from_model(decode(line))


def decode_together(lines: Sequence[bytes]) -> list[ReplayedEvent]:
    """Decode lines as ``decode_replayed`` does each; quicker for many.

    Raises:
        BadLine: a line is not what the format says.
    """
    try:
        events = list(map(_decode_known, lines))
    except msgspec.DecodeError:
        return list(map(decode_replayed, lines))
    return events if _are_times(events) else list(map(decode_replayed, lines))


def _are_times(events: Sequence[ReplayedEvent]) -> bool:
    texts = [event.occurred_text for event in events] + [event.recorded_text for event in events]
    return are_times(texts)


def _from_model(event: RecordedEvent) -> ReplayedEvent:
    data: Any = event.data
    if isinstance(data, EventData):
        data = msgspec.convert(data.model_dump(), struct_of(type(data)))
    return _EventOfOtherKind(
        position=event.position,
        event_id=event.event_id,
        run_id=event.run_id,
        sequence=event.sequence,
        schema_version=event.schema_version,
        occurred_text=utc_text(event.occurred_at),
        recorded_text=utc_text(event.recorded_at),
        data=data,
        type=event.type,
    )


def is_unread(event: ReplayedEvent) -> bool:
    """Tell an event whose payload this version does not know, which folds ignore."""
    return isinstance(event.data, UnreadData)
