"""What a list of events shows of one event. Values in, values out."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ledger.line.lenient_json import read_leniently
from ledger.line.walk import Line
from web.wording import duration_text, number_text, readable

__all__ = ["EventRow", "event_row"]

_LONGEST = 220
_MOST = 60  # parts of one value: more do not fit on a line
_FIRST = ("stage", "attempt", "result", "pipeline")
# Said without their names, as a reader knows what they are.
_BARE = frozenset({"stage", "pipeline", "result", "failure_reason"})
# Told elsewhere on the page, or too long to be of use on one line.
_UNSAID = ("output_tail", "writer")
_STATES = {
    "stage_completed": "completed",
    "stage_failed": "failed",
    "stage_stopped": "stopped",
    "stage_skipped": "skipped",
    "run_abandoned": "unfinished",
}
_RESULTS = frozenset({"success", "failed", "stopped"})


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as it is listed.

    Attributes:
        position: in the log.
        run_id: whose event it is; None where it belongs to no run.
        sequence: in the run.
        type: its type.
        state: how what it is about came out, where it says so; the icon has its name.
        occurred_at: when it happened, as the log says it.
        recorded_at: when it was appended, likewise.
        words: what it tells, on one line.
        raw: the line of the log, as it lies there.
        leaf: its leaf hash, 64 hex digits.
    """

    position: int
    run_id: str | None
    sequence: int
    type: str
    state: str | None
    occurred_at: str
    recorded_at: str
    words: str
    raw: str
    leaf: str


def event_row(line: Line) -> EventRow:
    """Say of a line of the log what a list shows."""
    envelope, data = line.envelope, read_leniently(bytes(line.envelope.data))
    return EventRow(
        envelope.position,
        envelope.run_id,
        envelope.sequence,
        envelope.type,
        _state(envelope.type, data),
        envelope.occurred_at,
        envelope.recorded_at,
        _words(data),
        line.raw.decode(errors="replace"),
        line.end.leaf,
    )


def _state(name: str, data: object) -> str | None:
    if name == "run_ended" and isinstance(data, dict):
        return data["result"] if data.get("result") in _RESULTS else None
    return _STATES.get(name)


def _words(data: object) -> str:
    """Say what a payload tells: what names it first, then the rest of what is short."""
    if not isinstance(data, dict):
        return readable(json.dumps(data, ensure_ascii=False), _LONGEST)
    names = [name for name in _FIRST if name in data]
    names += [name for name in data if name not in _FIRST]
    words = [_word(name, data[name]) for name in names]
    return readable(" · ".join([word for word in words if word]), _LONGEST)


def _word(name: str, value: object) -> str:
    if name in _UNSAID or value is None or value in ({}, [], "", False):
        return ""
    if name == "error" and isinstance(value, dict):
        return f"{value.get('type')}: {str(value.get('message'))[:_LONGEST]}"
    if name in _BARE:
        return str(value)[:_LONGEST]
    if name == "elapsed_seconds" and isinstance(value, int | float):
        return f"took {duration_text(value)}"
    said = name.replace("_", " ")
    return said if value is True else f"{said} {_value_text(value)}"


def _value_text(value: object) -> str:
    """Write a value as people read it: the parts of a flat one without the marks of JSON."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join([one[:_LONGEST] for one in value[:_MOST]])
    if isinstance(value, dict):
        pairs = list(value.items())[:_MOST]
        return ", ".join([f"{key[:_LONGEST]} {_part_text(one)}" for key, one in pairs])
    return _part_text(value)


def _part_text(value: object) -> str:
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, float):
        return number_text(value)
    return json.dumps(value, ensure_ascii=False)[:_LONGEST]
