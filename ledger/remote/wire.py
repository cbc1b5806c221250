"""A new event that came from a producer to a ledger elsewhere: JSON, in the words of the line.

::

    {"event_id":"<uuid>","run_id":"…","type":"stage_started","schema_version":1,
     "occurred_at":"2026-01-15T10:00:00.123456Z","data":{…}}

``type`` and ``data`` must be there, and ``run_id`` where the event belongs to a run. Without an
``event_id`` one is made, and a second try would be a second event; without ``occurred_at`` it
happened when it arrived; without ``schema_version`` the payload is of the newest one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from pydantic import ValidationError

from ledger.errors import InvalidEvent, LedgerError
from ledger.events import EVENT_TYPES, EventData, NewEvent
from ledger.fields import RUN_ID, as_whole
from ledger.line.upcasters import upcast

__all__ = ["PRODUCER_TYPES", "BadEvent", "BadEvents", "read_event", "read_events"]

_ITS_OWN = frozenset({"ledger_created", "ledger_recovered", "ledger_repaired", "run_abandoned"})

PRODUCER_TYPES: Mapping[str, type[EventData]] = {
    name: model for name, model in EVENT_TYPES.items() if name not in _ITS_OWN
}
"""What a producer may send: all but what only a ledger can know of itself and of its writers."""

_KEYS = ("event_id", "run_id", "type", "schema_version", "occurred_at", "data")
_LONGEST_SHOWN = 64


@dataclass(frozen=True, slots=True)
class BadEvent:
    """What is wrong with one event of a batch; ``index`` counts from 0."""

    index: int
    field: str
    reason: str


@dataclass(eq=False)
class BadEvents(LedgerError):
    """A batch was refused whole: mend the events that are named, and send all of it again."""

    bad: Sequence[BadEvent]

    def __str__(self) -> str:
        first = self.bad[0]
        more = f"; and {len(self.bad) - 1} more" if len(self.bad) > 1 else ""
        return f"event {first.index}: {first.field}: {first.reason}{more}"


def read_events(values: Sequence[object]) -> list[NewEvent]:
    """Read the events of a batch.

    Raises:
        BadEvents: names each that is not one.
    """
    events: list[NewEvent] = []
    bad: list[BadEvent] = []
    for index, value in enumerate(values):
        try:
            events.append(read_event(value))
        except InvalidEvent as error:
            bad.append(BadEvent(index, error.field, error.reason))
    if bad:
        raise BadEvents(bad)
    return events


def read_event(value: object) -> NewEvent:
    """Read one event from the JSON value that was sent.

    Raises:
        InvalidEvent: it is none; names the field.
    """
    if not isinstance(value, dict):
        raise InvalidEvent("event", f"{type(value).__name__} is not a JSON object")
    for key in value:
        if key not in _KEYS:
            raise InvalidEvent(key[:_LONGEST_SHOWN], f"unknown; an event has {', '.join(_KEYS)}")
    data = _read_data(value)
    given: dict[str, Any] = {}
    if value.get("event_id") is not None:
        given["event_id"] = _text(value, "event_id")
    if value.get("occurred_at") is not None:
        given["occurred_at"] = _time(_text(value, "occurred_at"))
    run_id = None if value.get("run_id") is None else _text(value, "run_id")
    if run_id is not None and not RUN_ID.fullmatch(run_id):
        raise InvalidEvent("run_id", f"{run_id[:_LONGEST_SHOWN]!r} is not an identifier")
    return NewEvent(data, run_id, **given)


def _read_data(value: dict[str, Any]) -> EventData:
    name = _text(value, "type")
    model = PRODUCER_TYPES.get(name)
    if model is None:
        known = ", ".join(sorted(PRODUCER_TYPES))
        reason = "only the ledger itself records this" if name in EVENT_TYPES else "unknown"
        raise InvalidEvent("type", f"{name[:_LONGEST_SHOWN]!r}: {reason}; send one of {known}")
    data = value.get("data")
    if not isinstance(data, dict):
        raise InvalidEvent("data", "a JSON object is needed")
    version = as_whole(value.get("schema_version"))
    if version is not None and (type(version) is not int or version != model.schema_version):
        data = _lead_on(name, version, data)
    try:
        # As JSON and strictly: a number as text, or a list for a name, is refused and not guessed.
        return model.model_validate_json(msgspec.json.encode(data), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(["data", *map(str, first["loc"])])
        raise InvalidEvent(place, first["msg"]) from None


def _lead_on(name: str, version: object, data: dict[str, Any]) -> dict[str, Any]:
    """Lead a payload of an older version to the newest."""
    try:
        if type(version) is int:
            return upcast(name, version, data)
    except LookupError:
        pass
    newest = PRODUCER_TYPES[name].schema_version
    raise InvalidEvent("schema_version", f"{version!r} is unknown; the newest is {newest}")


def _text(value: dict[str, Any], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise InvalidEvent(key, "a text is needed")
    return text


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        reason = f"{text[:_LONGEST_SHOWN]!r} is not a time of ISO 8601"
        raise InvalidEvent("occurred_at", reason) from None
    if moment.tzinfo is None:
        raise InvalidEvent("occurred_at", "a time needs its zone, like a Z at its end")
    return moment
