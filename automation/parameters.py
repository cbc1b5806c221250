"""What a run is asked to do: a pipeline's parameters, and what overrides them.

A pipeline that names its parameters takes only these, so that a misspelt one is not ignored in
silence; one that names none takes any.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from automation.errors import PipelineError

__all__ = ["merge_parameters", "parse_parameter"]

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def merge_parameters(
    defaults: Mapping[str, Any], given: Mapping[str, Any], *, pipeline: str
) -> dict[str, Any]:
    """Lay what a run was given over the defaults of its pipeline.

    Raises:
        PipelineError: the pipeline names its parameters, and one given is not among them.
    """
    for name in given:
        if defaults and name not in defaults:
            close = difflib.get_close_matches(name, defaults, n=1)
            known = f"did you mean {close[0]}?" if close else f"it takes {', '.join(defaults)}"
            raise PipelineError(f"parameter {name}", f"pipeline {pipeline} has none; {known}")
    return {**defaults, **given}


def parse_parameter(name: str, text: str, defaults: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Read a parameter that was given as text, as the kind of value its default is.

    Text stays text, also where there is no default.

    Raises:
        PipelineError: the text is no value of that kind.
    """
    default = defaults.get(name)
    try:
        if isinstance(default, bool):
            return _TRUTH[text.strip().lower()]
        if isinstance(default, int | float):
            return _number(text, default)
        if isinstance(default, list | dict):
            return _structure(text, default)
    except (KeyError, ValueError):
        kind = _KINDS[type(default)]
        raise PipelineError(f"parameter {name}", f"{text!r} is not {kind}") from None
    return text


def _number(text: str, default: float) -> float:
    """Read a number; a whole one where the default is one and the text is."""
    if isinstance(default, int):
        return int(text)
    return float(text)


def _structure(text: str, default: list[Any] | dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    value = json.loads(text)
    if not isinstance(value, type(default)):
        raise ValueError(text)  # noqa: TRY004 - one kind of error for all that is not a value
    return value


_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list in JSON",
    dict: "an object in JSON",
}
