"""The structs beside the models: whatever is given to both, they take, write and refuse alike."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import example, given, settings

from ledger import events
from ledger.errors import InvalidEvent
from ledger.payloads import derived
from ledger.payloads.payload import Payload, build
from tests.ledger.strategies import event_data
from tools.payloads import PAYLOADS, PLACE, derive

DERIVED = {model: getattr(derived, model.__name__) for model in PAYLOADS}
derived_data = event_data.filter(lambda data: type(data) in DERIVED)


class Name(str):
    """Text of a class of its own, as some libraries have it."""

    __slots__ = ()


def nested(levels: int) -> Any:
    """Make lists inside lists."""
    return [nested(levels - 1)] if levels else 0


ODD_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 7, 2**63, 2**70, 3.0, 3.5, -0.0, 1e16, 1e-7, math.nan, math.inf),
    *(
        "",
        "load",
        "load/orders",
        "load\n",
        "load/",
        "..",
        "é",
        "\ud800",
        "7",
        "x" * 129,
        "a/" * 300,
    ),
    *("success", "pending", "true", b"load", Name("load"), PurePosixPath("load")),
    *(datetime(2026, 1, 15, tzinfo=UTC), object, {"load"}, ["load"], ("load", "\n"), [{"a": 1}]),
    *({}, {"a": math.nan}, {"a": "\udfff"}, {1: 2}, {"a": {"b": [2**64]}}, {"a": 1e22}),
    *({"text": ':1e5, [2e9, "3e4'}, {"a": nested(63)}, {"a": nested(64)}, {"a": b"1"}),
    {"type": "E", "message": "m"},
    {"type": "E", "message": "m", "traceback": "\ud800"},
    {"host": "h", "machine_id": "m", "boot_id": "b", "pid": 2.0},
)


RIGHT: dict[str, Any] = {
    "ledger_id": "l",
    "format": 1,
    "segment": "s",
    "offset": 0,
    "cut_bytes": 1,
    "sha256": "",
    "quarantine": "q",
    "reason": "r",
    "skipped": (),
    "actor": "a",
    "pipeline": "p",
    "stage": "load",
    "attempt": 1,
    "result": "success",
    "elapsed_seconds": 0.5,
    "writer": {"host": "h", "machine_id": "m", "boot_id": "b", "pid": 1},
    "error": {"type": "E", "message": "m"},
}
"""What the payloads must say, and more than one of them says."""


def told(make: Any, kind: type, fields: dict[str, Any]) -> object:
    """Give the bytes that come of the fields, or what is wrong with them."""
    try:
        return make(kind, **fields).as_json()
    except InvalidEvent as error:
        return error.field, error.reason


def test_the_structs_are_those_of_the_models() -> None:
    """A model that was changed asks for ``make payloads``."""
    assert PLACE.read_text(encoding="utf-8") == derive()


@given(derived_data)
@example(events.RunAnnotated(metadata={"large": 1e16, "text": "1e16"}, actor="a"))
@settings(max_examples=60)
def test_what_is_right_is_written_alike(data: events.EventData) -> None:
    """To the byte, with all that a struct shares with its model."""
    made: Payload = build(DERIVED[type(data)], **data.model_dump())

    assert made.as_json() == data.as_json()
    assert made.as_value() == data.as_value()
    assert (made.type, made.schema_version) == (data.type, data.schema_version)
    assert made.with_value(data.as_value()) == made
    assert type(data).model_validate_json(made.as_json()) == data


@pytest.mark.parametrize("model", PAYLOADS)
def test_what_is_odd_is_judged_alike(model: type[events.EventData]) -> None:
    """Taken by both, with the same bytes, or refused by both, with the same words."""
    right = {name: value for name, value in RIGHT.items() if name in model.model_fields}
    tried: list[dict[str, Any]] = [right, {}, right | {"unknown": 1}]
    tried += [right | {name: odd} for name in model.model_fields for odd in ODD_VALUES]
    tried += [
        right | {name: right[name] | {inner: odd}}
        for name in {"writer", "error"} & set(right)
        for inner in [*right[name], "unknown"]
        for odd in ODD_VALUES
    ]

    for fields in tried:
        expected = told(events.build, model, fields)
        assert told(build, DERIVED[model], fields) == expected, fields
