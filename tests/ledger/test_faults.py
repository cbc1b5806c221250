"""What is said of the fields that a model refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, ErrorTypeInfo
from pydantic_core._pydantic_core import list_all_errors

from ledger.events import EVENT_TYPES, EventData
from ledger.faults import faults_of, reason_of

BAD: list[Any] = [
    *(None, True, -1, 0, 1.5, 10**30, float("inf"), "", "x", "x" * 20_000, "\ud800", "{value}"),
    *("2026-13-01", [], ["x"], [None], {}, {"x": 1}, {"host": None}, {1: 2}, ("x",), b"\xff"),
]


def refused(model: type[BaseModel], fields: dict[str, Any], *, strict: bool) -> ValidationError:
    """Give the error of a model that does not take these."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(fields, strict=strict)
    return caught.value


@pytest.mark.parametrize("model", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_no_field_of_an_event_is_refused_in_words_of_pydantic(model: type[EventData]) -> None:
    """Whatever it is given, in Python or from JSON."""
    for strict in (False, True):
        for value in BAD:
            fields = dict.fromkeys(model.model_fields, value)
            error = refused(model, {**fields, "no_such_field": value}, strict=strict)
            for fault in error.errors():
                reason = reason_of(fault)
                assert reason != fault["msg"]
                assert reason not in fault["msg"] or fault["type"] == "value_error"
                assert "Input should" not in reason


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, {"stage": "it is missing", "attempt": "it is missing"}),
        ({"stage": "a", "attempt": 0}, {"attempt": "0 is too small: 1 is the least"}),
        ({"stage": "a", "attempt": "1"}, {"attempt": "'1' is not a whole number"}),
        ({"stage": "a", "attempt": None}, {"attempt": "null is not a whole number"}),
        ({"stage": "a", "attempt": True}, {"attempt": "true is not a whole number"}),
        ({"stage": "a", "attempt": {}}, {"attempt": "an object is not a whole number"}),
        ({"stage": ["a"], "attempt": 1}, {"stage": "a list is not text"}),
        ({"stage": "a", "attempt": 1, "x": 1}, {"x": "it is unknown here"}),
        (
            {"stage": "a b", "attempt": 10**20},
            {
                "stage": "'a b' is not a name: letters, digits and ._:- (at most 128), beginning"
                " with a letter or a digit; parts are joined by /",
                "attempt": "a number of so many digits is too large: 1000000 is the most",
            },
        ),
    ],
)
def test_all_faults_are_told_by_their_place(fields: dict[str, Any], said: dict[str, str]) -> None:
    """What was given, and what is wrong with it; what has parts is not shown."""
    error = refused(EVENT_TYPES["stage_started"], fields, strict=True)
    assert dict(faults_of(error)) == said


def test_a_secret_of_an_object_is_not_repeated() -> None:
    """An answer that names a field must not carry what is inside of it."""
    model = EVENT_TYPES["stage_started"]
    error = refused(model, {"stage": {"password": "hunter2"}, "attempt": ["hunter2"]}, strict=True)
    assert "hunter2" not in json.dumps(faults_of(error))


@pytest.mark.parametrize("kind", list_all_errors(), ids=lambda kind: kind["type"])
def test_every_kind_of_fault_can_be_told(kind: ErrorTypeInfo) -> None:
    """A refusal is never lost for its words: what pydantic knows of it is what they ask for."""
    known = kind.get("example_context") or {}
    fault = ErrorDetails(type=kind["type"], loc=("x",), msg="said", input="{0}", ctx=known)
    assert reason_of(fault)
