"""What a model refused, in plain words: the one place where kinds of fault become sentences.

Pydantic finds the faults; who typed the value or sent the event reads what is said of them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ledger.identifiers import IDENTIFIER, NAME_RULE, STAGE_NAME

__all__ = ["faults_of", "is_not", "reason_of"]

_IS_NOT = "is_not"
_LONGEST_SHOWN = 64
_LARGEST_SHOWN = 10**18

_TEXT = "{value} is not text"
_WHOLE = "{value} is not a whole number"
_NUMBER = "{value} is not a number"
_FLAG = "{value} is not true or false"
_TIME = "{value} is not a time, like 2026-01-15T10:00:00Z"
_LIST = "{value} is not a list"
_OBJECT = "{value} is not an object"
_CHOICE = "{value} is not one of {expected}"

_SENTENCES: Mapping[str, str] = {
    _IS_NOT: "{value} is not {what}",
    "value_error": "{error}",
    "missing": "it is missing",
    "extra_forbidden": "it is unknown here",
    "none_required": "{value} is not null",
    "string_type": _TEXT,
    "string_sub_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_short": "{value} is too short: {min_length} is the least",
    "string_too_long": "longer than {max_length} characters",
    "string_pattern_mismatch": "{value} is not of the form {pattern}",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "{value} is not a finite number",
    "greater_than": "{value} is too small: more than {gt} is taken",
    "greater_than_equal": "{value} is too small: {ge} is the least",
    "less_than": "{value} is too large: less than {lt} is taken",
    "less_than_equal": "{value} is too large: {le} is the most",
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "literal_error": _CHOICE,
    "enum": _CHOICE,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "datetime_object_invalid": _TIME,
    "timezone_aware": "{value} has no zone: end it with Z for UTC",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "too_short": "too few: {min_length} is the least",
    "too_long": "too many: {max_length} is the most",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "invalid_key": "{value} is not text, as each key must be",
    "path_type": "{value} is not a path",
    "json_invalid": "it is not JSON: {error}",
    "json_type": "{value} is not JSON",
}

_RULES = {f"^{IDENTIFIER}$": NAME_RULE, f"^{STAGE_NAME}$": f"{NAME_RULE}; parts are joined by /"}
"""The rules in words of patterns that are told to people."""


def is_not(what: str) -> PydanticCustomError:
    """Give the fault of a value that is not ``what`` is taken: for a validator to raise."""
    return PydanticCustomError(_IS_NOT, "not {what}", {"what": what})


def faults_of(error: ValidationError) -> list[tuple[str, str]]:
    """Give each field that a model refused, and why: all of them, as ``("a.0.b", reason)``."""
    return [
        (".".join(map(str, fault["loc"])), reason_of(fault))
        for fault in error.errors(include_url=False)
    ]


def reason_of(fault: ErrorDetails) -> str:
    """Say why a value was refused, and what is taken: a part of a sentence, without a stop."""
    sentence = _SENTENCES.get(fault["type"])
    if sentence is None:
        return fault["msg"]
    value = _shown(fault["input"])
    told = fault.get("ctx", {})
    if told.get("pattern") in _RULES:
        return f"{value} is not a name: {_RULES[told['pattern']]}"
    if "expected" in told:
        told = {"expected": _listed(told["expected"])}
    told = {name: _shown(one) if isinstance(one, float) else one for name, one in told.items()}
    return sentence.format(**told, value=value)


def _listed(expected: str) -> str:
    """Write the values that pydantic names as ``'a', 'b' or 'c'`` without their quotes."""
    return expected.replace("'", "").replace(" or ", ", ")


def _shown(value: Any) -> str:  # noqa: ANN401 - any value
    """Show what was given: a long text cut, and of what has parts only its kind."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(value[:_LONGEST_SHOWN])
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, int) and abs(value) < _LARGEST_SHOWN:
        return str(value)
    kinds = {int: "a number of so many digits", dict: "an object", list: "a list", tuple: "a list"}
    return kinds.get(type(value), f"a {type(value).__name__}")
