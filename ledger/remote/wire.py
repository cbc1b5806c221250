"""A new event that came from a producer to a ledger elsewhere: JSON, in the words of the line.

::

    {"event_id":"<uuid>","run_id":"…","type":"stage_started","schema_version":1,
     "occurred_at":"2026-01-15T10:00:00.123456Z","data":{…}}

``type`` and ``data`` must be there, and ``run_id`` where the event belongs to a run. Without an
``event_id`` one is made, and a second try would be a second event; without ``occurred_at`` it
happened when it arrived; without ``schema_version`` the payload is of the newest one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from pydantic import ValidationError

from ledger.errors import InvalidEvent, LedgerError
from ledger.events import EVENT_TYPES, RUNLESS_TYPES, EventData, NewEvent
from ledger.faults import faults_of
from ledger.fields import as_whole
from ledger.identifiers import EVENT_ID, NAME_RULE, is_run_id
from ledger.line.shortening import encode_short
from ledger.line.upcasters import upcast

__all__ = [
    "PRODUCER_TYPES",
    "TWICE",
    "BadEvent",
    "BadEvents",
    "bad_lines",
    "read_events",
]

_ITS_OWN = frozenset({"ledger_created", "ledger_recovered", "ledger_repaired", "run_abandoned"})

PRODUCER_TYPES: Mapping[str, type[EventData]] = {
    name: model for name, model in EVENT_TYPES.items() if name not in _ITS_OWN
}
"""What a producer may send: all but what only a ledger can know of itself and of its writers."""

_OF_NO_RUN = PRODUCER_TYPES.keys() & RUNLESS_TYPES
_OF_A_RUN = PRODUCER_TYPES.keys() - RUNLESS_TYPES
_KEYS = ("event_id", "run_id", "type", "schema_version", "occurred_at", "data")
_LONGEST_SHOWN = 64
_MOST_SHOWN = 20
TWICE = "it stands twice in the batch"
"""Why an event_id is refused that another event of the batch has."""

_Sent = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadEvent:
    """One fault of an event of a batch, which may have several; ``index`` counts from 0."""

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

    Args:
        values: the JSON of each as it was sent; an ``InvalidEvent`` where it was no JSON.

    Raises:
        BadEvents: names every fault of each that is not one.
    """
    events: dict[int, NewEvent] = {}
    bad: list[BadEvent] = []
    for index, value in enumerate(values):
        try:
            events[index] = _read_event(value)
        except _Faulty:
            bad += (BadEvent(index, *fault) for fault in _faults_of(value))
    if bad:
        bad += bad_lines(events)
        raise BadEvents(sorted(bad, key=lambda one: one.index))
    return list(events.values())


def bad_lines(events: Mapping[int, NewEvent]) -> list[BadEvent]:
    """Find which events of a batch, by their index, make no line, or have the id of another."""
    bad: list[BadEvent] = []
    seen: set[str] = set()
    for index, event in events.items():
        if event.event_id in seen:
            bad.append(BadEvent(index, "event_id", TWICE))
        seen.add(event.event_id)
        try:
            encode_short(event)
        except InvalidEvent as error:
            bad.append(BadEvent(index, error.field, error.reason))
    return bad


class _Faulty(Exception):
    """A part of an event is not what it must be: each field of it, and why."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        super().__init__()
        self.faults = faults


def _read_event(value: object) -> NewEvent:
    """Read one event from the JSON value that was sent, up to its first fault."""
    sent = _checked_object(value)
    _check_keys(sent)
    _check_version(sent)
    data, run_id = _read_data(sent), _read_run_id(sent)
    made = {key: found for key, read in _MADE_ELSE.items() if (found := read(sent)) is not None}
    return NewEvent(data, run_id, **made)


def _faults_of(value: object) -> list[tuple[str, str]]:
    """Find all that is wrong with an event: no part that is wrong hides another."""
    faults: list[tuple[str, str]] = []
    try:
        sent = _checked_object(value)
    except _Faulty as faulty:
        return list(faulty.faults)
    for read in (_check_keys, _check_version, _read_data, _read_run_id, *_MADE_ELSE.values()):
        try:
            read(sent)
        except _Faulty as faulty:
            faults += faulty.faults
    return faults


def _checked_object(value: object) -> _Sent:
    if isinstance(value, InvalidEvent):
        raise _Faulty(("event", str(value)))
    if not isinstance(value, dict):
        raise _Faulty(("event", f"{type(value).__name__} is not a JSON object"))
    return value


def _check_keys(sent: _Sent) -> None:
    unknown = [key[:_LONGEST_SHOWN] for key in sent if key not in _KEYS]
    if unknown:
        reason = f"unknown; an event has {', '.join(_KEYS)}"
        raise _Faulty(*((key, reason) for key in unknown[:_MOST_SHOWN]))


def _check_version(sent: _Sent) -> None:
    model = PRODUCER_TYPES.get(str(sent.get("type")))
    version = as_whole(sent.get("schema_version"))
    if model is None or version is None:
        return
    newest = model.schema_version
    if type(version) is not int or not 1 <= version <= newest:
        raise _Faulty(("schema_version", f"{version!r} is unknown; the newest is {newest}"))


def _read_data(sent: _Sent) -> EventData:
    name = _text(sent, "type")
    model = PRODUCER_TYPES.get(name)
    if model is None:
        known = ", ".join(sorted(PRODUCER_TYPES))
        reason = "only the ledger itself records this" if name in EVENT_TYPES else "unknown"
        raise _Faulty(("type", f"{name[:_LONGEST_SHOWN]!r}: {reason}; send one of {known}"))
    data = sent.get("data")
    if not isinstance(data, dict):
        raise _Faulty(("data", "a JSON object is needed"))
    version = as_whole(sent.get("schema_version"))
    if type(version) is int and 1 <= version < model.schema_version:
        data = upcast(name, version, data)
    try:
        # As JSON and strictly: a number as text, or a list for a name, is refused and not guessed.
        return model.model_validate_json(msgspec.json.encode(data), strict=True)
    except ValidationError as error:
        faults = faults_of(error)[:_MOST_SHOWN]
        named = ((f"data.{place}" if place else "data", reason) for place, reason in faults)
        raise _Faulty(*named) from None


def _read_run_id(sent: _Sent) -> str | None:
    name = str(sent.get("type"))
    if sent.get("run_id") is None:
        if name in _OF_A_RUN:
            raise _Faulty(("run_id", f"{name} belongs to a run: name it"))
        return None
    run_id = _text(sent, "run_id")
    if not is_run_id(run_id):
        raise _Faulty(("run_id", f"{run_id[:_LONGEST_SHOWN]!r} is not a name: {NAME_RULE}"))
    if name in _OF_NO_RUN:
        raise _Faulty(("run_id", f"{name} belongs to no run"))
    return run_id


def _read_event_id(sent: _Sent) -> str | None:
    if sent.get("event_id") is None:
        return None
    event_id = _text(sent, "event_id")
    if not EVENT_ID.fullmatch(event_id):
        raise _Faulty(("event_id", f"{event_id[:_LONGEST_SHOWN]!r} is not a lower-case UUID"))
    return event_id


def _read_time(sent: _Sent) -> datetime | None:
    if sent.get("occurred_at") is None:
        return None
    text = _text(sent, "occurred_at")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        reason = f"{text[:_LONGEST_SHOWN]!r} is not a time of ISO 8601"
        raise _Faulty(("occurred_at", reason)) from None
    if moment.tzinfo is None:
        raise _Faulty(("occurred_at", "a time needs its zone, like a Z at its end"))
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise _Faulty(("occurred_at", "a time beyond the calendar of UTC")) from None


def _text(sent: _Sent, key: str) -> str:
    text = sent.get(key)
    if not isinstance(text, str):
        raise _Faulty((key, "a text is needed"))
    return text


_MADE_ELSE: Mapping[str, Callable[[_Sent], Any]] = {
    "event_id": _read_event_id,
    "occurred_at": _read_time,
}
"""What is made where it was not sent."""
