"""``Pipeline`` and ``Stage``: what is to be run, as values. Checked when made, never changed.

A stage's function takes no argument, or one: the ``StageContext`` of the attempt, for its
parameters and metrics. Which of the two is read from its signature once, when the stage is made: a
positional parameter without a default asks for the context. It may be sync or async. A stage may
also be a ``ShellCommand``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from automation.errors import PipelineError
from automation.running.shell_stage import ShellCommand
from ledger import StageContext
from ledger.fields import Identifier, StageName
from ledger.identifiers import NAME_RULE
from ledger.plain_values import check_text, to_plain

__all__ = ["Pipeline", "Stage", "StageFunction", "takes_context"]

StageFunction = Callable[[], object] | Callable[[StageContext], object]

_LONGEST = 10.0**9


@dataclass(frozen=True, slots=True)
class Stage:
    """A named step of a pipeline.

    Attributes:
        name: identifiers joined by ``/``, like ``load/orders``.
        function: what it runs; what it returns is not kept.
        retries: how many more times it is tried after a failure.
        retry_delay: seconds before the first retry; doubled before each further one.
        timeout: seconds that one attempt may take; None means for ever.
        takes_context: whether the function is given its ``StageContext``.

    Raises:
        PipelineError: names the field that is wrong.
    """

    name: str
    function: StageFunction | ShellCommand
    retries: int = field(default=0, kw_only=True)
    retry_delay: float = field(default=0.0, kw_only=True)
    timeout: float | None = field(default=None, kw_only=True)
    takes_context: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every field."""
        _check_name("stage.name", self.name, StageName)
        if not _is_count(self.retries):
            raise self._wrong("retries", f"{self.retries!r} is not a whole number from 0 up")
        if not _is_seconds(self.retry_delay):
            raise self._wrong("retry_delay", f"{self.retry_delay!r} is not a number from 0 up")
        if self.timeout is not None and not (_is_seconds(self.timeout) and self.timeout > 0):
            raise self._wrong("timeout", f"{self.timeout!r} is not a number above 0")
        try:
            object.__setattr__(self, "takes_context", takes_context(self.function))
        except TypeError as error:
            raise self._wrong("function", str(error)) from None

    def _wrong(self, name: str, reason: str) -> PipelineError:
        return PipelineError(f"stage {self.name}: {name}", reason)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A named sequence of stages, with what they may be asked to do.

    Attributes:
        name: an identifier.
        stages: at least one, run in this order; no two of the same name.
        parameters: the defaults; a run may override them.
        metadata: what people want to find its runs by; a run may add to it.
        code_version: the version of the code that runs, like a git commit.

    Raises:
        PipelineError: names the field that is wrong.
    """

    name: str
    stages: Sequence[Stage] = field(kw_only=True)
    parameters: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    code_version: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check every field, and keep copies that nobody can change."""
        _check_name("pipeline.name", self.name, Identifier)
        stages = tuple(self.stages)
        if not stages:
            raise PipelineError(f"pipeline {self.name}: stages", "there is none: name at least one")
        seen: set[str] = set()
        for stage in stages:
            name = _stage_name(stage)
            if name is None:
                raise PipelineError(f"pipeline {self.name}: stages", f"{stage!r} is not a Stage")
            if name in seen:
                raise PipelineError(f"pipeline {self.name}: stages", f"two are named {name}")
            seen.add(name)
        if self.code_version is not None:
            _check_text(f"pipeline {self.name}: code_version", self.code_version)
        object.__setattr__(self, "stages", stages)
        object.__setattr__(self, "parameters", MappingProxyType(to_plain(self.parameters)))
        object.__setattr__(self, "metadata", MappingProxyType(to_plain(self.metadata)))


def takes_context(function: object) -> bool:
    """Tell whether a stage's function asks for its ``StageContext``.

    Raises:
        TypeError: it is not callable with no argument or one, or calling it would run nothing.
    """
    if isinstance(function, ShellCommand):
        return True
    if not callable(function):
        message = f"{function!r} is not a function"
        raise TypeError(message)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        message = f"{_called(function)} is a generator: calling it would run nothing"
        raise TypeError(message)
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        # Some callables written in C do not tell; those that can be stages take no argument.
        return False
    required = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if len(required) > 1 or any(item.kind is item.KEYWORD_ONLY for item in required):
        names = ", ".join(item.name for item in required)
        message = f"{_called(function)} asks for ({names}); a stage takes no argument or one"
        raise TypeError(message)
    return bool(required)


def _called(function: object) -> str:
    return str(getattr(function, "__qualname__", None) or repr(function))


def _stage_name(stage: object) -> str | None:
    return stage.name if isinstance(stage, Stage) else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_seconds(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 <= value <= _LONGEST


def _check_name(where: str, name: object, kind: Any) -> None:  # noqa: ANN401 - an annotated type
    try:
        TypeAdapter(kind).validate_python(name, strict=True)
    except ValidationError:
        joined = "; parts are joined by /" if kind is StageName else ""
        raise PipelineError(where, f"{name!r} is not a name: {NAME_RULE}{joined}") from None


def _check_text(where: str, text: object) -> None:
    if not isinstance(text, str):
        raise PipelineError(where, f"{text!r} is not text")
    try:
        check_text(text, "text")
    except ValueError as error:
        raise PipelineError(where, str(error)) from None
