"""One line of a ``runs.jsonl`` from elsewhere: bytes in, the nine values of a run out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from pydantic import ValidationError

from automation.local_time import parse_time
from ledger.errors import EventTooLarge, InvalidEvent
from ledger.events import ImportedRun
from ledger.faults import faults_of
from ledger.line.codec import MAX_LINE
from ledger.line.strict_json import parse_json
from ledger.plain_values import MAX_DEPTH
from projections.runs.run_summary import FIRST_NINE

__all__ = ["MAX_SUMMARY", "parse_summary"]

MAX_SUMMARY = 4 * MAX_LINE
"""Bytes of a line: JSON in ASCII takes up to three times those of an event, and some spaces."""

_METADATA_DEPTH = MAX_DEPTH + 1
_LISTS = ("stages_executed", "stages_failed")
_TIMES = ("started_at", "ended_at")


def parse_summary(line: bytes, zone: tzinfo | None) -> ImportedRun:
    """Read one summary: exactly the nine keys, each of its own type.

    Args:
        line: one JSON object.
        zone: where its naive times belong; None refuses them.

    Raises:
        InvalidEvent: names the first field that is wrong, and why.
    """
    if len(line) > MAX_SUMMARY:
        reason = f"more than {MAX_SUMMARY} bytes"
        raise EventTooLarge("size", reason, size=len(line), limit=MAX_SUMMARY)
    value = parse_json(line, limit=MAX_SUMMARY, max_depth=_METADATA_DEPTH)
    if not isinstance(value, dict):
        raise InvalidEvent("value", "not a JSON object")
    _check_keys(value)
    fields = value | {name: _tuple(value, name) for name in _LISTS}
    fields |= {name: _time(value, name, zone) for name in _TIMES}
    try:
        run = ImportedRun.model_validate(fields, strict=True)
    except ValidationError as error:
        raise InvalidEvent(*faults_of(error)[0]) from None
    if run.ended_at is not None and run.ended_at < run.started_at:
        raise InvalidEvent("ended_at", "it is before started_at")
    return run


def _check_keys(value: Mapping[str, Any]) -> None:
    missing = [name for name in FIRST_NINE if name not in value]
    if missing:
        raise InvalidEvent(missing[0], "the key is missing")
    unknown = sorted(value.keys() - set(FIRST_NINE))
    if unknown:
        raise InvalidEvent(unknown[0][:64], f"an unknown key; there are {', '.join(FIRST_NINE)}")


def _tuple(value: Mapping[str, Any], name: str) -> tuple[object, ...]:
    items = value[name]
    if not isinstance(items, list):
        raise InvalidEvent(name, "it is not a list")
    return tuple(items)


def _time(value: Mapping[str, Any], name: str, zone: tzinfo | None) -> object:
    text = value[name]
    if text is None and name == "ended_at":
        return None
    if not isinstance(text, str):
        raise InvalidEvent(name, "it is not a time, as text")
    return parse_time(text, zone, name)
