"""What a run is asked to do."""

from __future__ import annotations

from typing import Any

import pytest

from automation import PipelineError
from automation.parameters import merge_parameters, parse_parameter


def test_what_a_run_is_given_lies_over_the_defaults() -> None:
    """Parameters that are not given keep their defaults."""
    merged = merge_parameters({"a": 1, "b": 2}, {"b": 3}, pipeline="p")

    assert merged == {"a": 1, "b": 3}


def test_a_pipeline_without_parameters_takes_any() -> None:
    """Where nothing is named, nothing can be misspelt."""
    assert merge_parameters({}, {"day": "x"}, pipeline="p") == {"day": "x"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [("inptu", r"did you mean input\?"), ("zzz", "it takes input, output")],
)
def test_a_misspelt_parameter_is_refused(name: str, hint: str) -> None:
    """It is not ignored in silence; the error says what was meant, or what there is."""
    with pytest.raises(PipelineError, match=f"parameter {name}: pipeline p has none; {hint}"):
        merge_parameters({"input": "", "output": ""}, {name: "x"}, pipeline="p")


@pytest.mark.parametrize(
    ("default", "text", "value"),
    [
        (None, "7", "7"),
        ("", "7", "7"),
        (1, "7", 7),
        (1.5, "7", 7.0),
        (True, "no", False),
        (False, "TRUE", True),
        ([1], '["a"]', ["a"]),
        ({}, '{"a": 1}', {"a": 1}),
    ],
)
def test_text_is_read_as_the_kind_of_the_default(default: Any, text: str, value: Any) -> None:
    """A number stays a number when it is given on the command line."""
    parsed = parse_parameter("n", text, {"n": default})

    assert parsed == value
    assert type(parsed) is type(value)


def test_without_a_default_text_stays_text() -> None:
    """Nothing tells what else it could be."""
    assert parse_parameter("n", "true", {}) == "true"


@pytest.mark.parametrize(
    ("default", "text", "kind"),
    [
        (1, "7.5", "a whole number"),
        (1.5, "seven", "a number"),
        (True, "maybe", "true or false"),
        ([1], "1", "a list in JSON"),
        ([1], "[", "a list in JSON"),
        ({}, "[]", "an object in JSON"),
    ],
)
def test_text_that_is_no_such_value_is_refused(default: Any, text: str, kind: str) -> None:
    """The error names the parameter and the kind of value it takes."""
    with pytest.raises(PipelineError, match=f"^parameter n: .* is not {kind}"):
        parse_parameter("n", text, {"n": default})
