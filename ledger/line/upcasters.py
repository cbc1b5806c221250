"""Upcasters: pure steps from an old payload to the next schema version, applied on read.

The log is never rewritten. When the payload of a type changes, its model in ``events.py`` gets the
next ``schema_version``, and this table gets the step that leads there from the one before; a golden
file of the old version stays in the tests for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ledger.events import EVENT_TYPES

__all__ = ["UPCASTERS", "Upcaster", "upcast"]

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}
"""(type, schema version) -> the step to the next version. All types are at version 1 so far."""


def upcast(
    event_type: str,
    schema_version: int,
    data: dict[str, Any],
    steps: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    *,
    current: int | None = None,
) -> dict[str, Any]:
    """Lead an old payload, step by step, to the version its model has today.

    Args:
        event_type: the type of the event.
        schema_version: the version its payload has.
        data: the payload; it is not changed.
        steps: the steps there are.
        current: the version to reach, where it is not that of the model.

    Raises:
        LookupError: there is no way from this version, as for one newer than this code.
    """
    if current is None:
        current = EVENT_TYPES[event_type].schema_version
    if not 1 <= schema_version <= current:
        raise LookupError(schema_version)
    for version in range(schema_version, current):
        data = steps[(event_type, version)](data)
    return data
