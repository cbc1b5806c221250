"""The columns of an export: a contract. Names, order and kinds stay; a new one goes to the end.

What depends on the clock of whoever asks (``liveness``) is no column: a file says what was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

__all__ = ["COLUMNS", "Column", "Exported", "Kind", "row_type"]


class Kind(StrEnum):
    """What the values of a column are; any may be null."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    JSON = "json"


class Exported(StrEnum):
    """What there is to export."""

    RUNS = "runs"
    STAGES = "stages"
    EVENTS = "events"


class Column(NamedTuple):
    """One column."""

    name: str
    kind: Kind


def _columns(kinds: Mapping[str, Kind]) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


COLUMNS: Mapping[Exported, Sequence[Column]] = {
    Exported.RUNS: _columns(
        {
            "run_id": Kind.TEXT,
            "pipeline": Kind.TEXT,
            "result": Kind.TEXT,
            "started_at": Kind.TIME,
            "ended_at": Kind.TIME,
            "duration_seconds": Kind.NUMBER,
            "failure_reason": Kind.TEXT,
            "stages_executed": Kind.JSON,
            "stages_failed": Kind.JSON,
            "retry_count": Kind.INTEGER,
            "metadata": Kind.JSON,
            "stages_planned": Kind.JSON,
            "stages_skipped": Kind.JSON,
            "parameters": Kind.JSON,
            "trigger": Kind.TEXT,
            "rerun_of": Kind.TEXT,
            "code_version": Kind.TEXT,
            "imported_from": Kind.TEXT,
            "writer": Kind.JSON,
            "notes": Kind.JSON,
            "anomalies": Kind.JSON,
            "started_position": Kind.INTEGER,
            "last_position": Kind.INTEGER,
            "last_sequence": Kind.INTEGER,
            "last_event_at": Kind.TIME,
        }
    ),
    Exported.STAGES: _columns(
        {
            "run_id": Kind.TEXT,
            "pipeline": Kind.TEXT,
            "stage": Kind.TEXT,
            "attempt": Kind.INTEGER,
            "result": Kind.TEXT,
            "started_at": Kind.TIME,
            "ended_at": Kind.TIME,
            "duration_seconds": Kind.NUMBER,
            "will_retry": Kind.BOOLEAN,
            "error_type": Kind.TEXT,
            "error_message": Kind.TEXT,
            "error_traceback": Kind.TEXT,
            "metrics": Kind.JSON,
            "output_tail": Kind.TEXT,
            "position": Kind.INTEGER,
        }
    ),
    Exported.EVENTS: _columns(
        {
            "position": Kind.INTEGER,
            "recorded_at": Kind.TIME,
            "occurred_at": Kind.TIME,
            "type": Kind.TEXT,
            "schema_version": Kind.INTEGER,
            "run_id": Kind.TEXT,
            "sequence": Kind.INTEGER,
            "event_id": Kind.TEXT,
            "prev": Kind.TEXT,
            "data": Kind.JSON,
        }
    ),
}

_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.INTEGER: int | None,
    Kind.NUMBER: float | None,
    Kind.BOOLEAN: bool | None,
    Kind.TIME: str | None,
    Kind.JSON: msgspec.Raw,
}


def row_type(columns: Sequence[Column]) -> type[msgspec.Struct]:
    """Give what a row is read as: the columns in order, times as text, JSON as it stands."""
    fields = [(column.name, _TYPES[column.kind]) for column in columns]
    return msgspec.defstruct("Row", fields, frozen=True, gc=False)
