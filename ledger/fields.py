"""The kinds of value that payloads are made of, each checked where it enters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
)

from ledger.identifiers import IDENTIFIER, RUN_ID, STAGE_NAME
from ledger.plain_values import check_json, check_text

__all__ = [
    "RUN_ID",
    "Attempt",
    "Count",
    "Identifier",
    "JsonObject",
    "Seconds",
    "StageName",
    "Text",
    "UtcTime",
    "as_whole",
]


def _checked_text(text: str) -> str:
    check_text(text, "text")
    return text


def _checked_object(value: dict[str, Any]) -> dict[str, Any]:
    check_json(value, "object")
    return value


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = "a time needs its zone: give an aware datetime"
        raise ValueError(message)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        message = "a time beyond the calendar of UTC"
        raise ValueError(message) from None


def as_whole(value: object) -> object:
    """Give ``3.0`` as the whole number that it is in JSON, where each writer has its own way."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Identifier = Annotated[str, StringConstraints(pattern=f"^{IDENTIFIER}$")]
"""A run id or a pipeline name. Never becomes a path without being checked."""

StageName = Annotated[str, StringConstraints(pattern=f"^{STAGE_NAME}$", max_length=512)]
"""Identifiers joined by ``/``: a stage inside a stage, like ``load/orders``."""

Text = Annotated[str, AfterValidator(_checked_text)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_checked_object)]
UtcTime = Annotated[datetime, AfterValidator(_aware)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Attempt = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(as_whole)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1), BeforeValidator(as_whole)]
