"""A pipeline from a TOML file.

::

    name = "nightly"  # default: the name of the file

    [parameters]  # defaults; `runfold run --param day=…` overrides them
    day = "2026-01-15"

    [metadata]
    team = "prices"

    [[stage]]
    name = "translator"
    call = "stages:translate"  # module:function; or: run = "a shell command"
    retries = 2
    retry_delay = 0.5  # seconds; doubled before each further retry
    timeout = 600  # seconds for one attempt

A key that is not one of these is an error, and so is a function that is not there: all of it is
found out before anything runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from automation.errors import PipelineError
from automation.pipeline import Pipeline, Stage
from automation.running.shell_stage import ShellCommand
from automation.stage_functions import FunctionNotFound, find_function
from automation.toml_text import NotToml, parse_toml
from ledger.faults import reason_of

__all__ = ["PipelineTable", "StageTable", "load_pipeline"]


class StageTable(BaseModel):
    """One ``[[stage]]``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    call: str | None = None
    run: str | None = None
    retries: int = 0
    retry_delay: float = 0.0
    timeout: float | None = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> StageTable:
        if self.call is not None and self.run is not None:
            message = "call and run are both there; a stage does one of them"
            raise ValueError(message)
        if self.call is None and self.run is None:
            message = "neither call nor run is there; a stage does one of them"
            raise ValueError(message)
        if self.run is not None and not self.run.strip():
            message = "run is empty: name a command"
            raise ValueError(message)
        return self


class PipelineTable(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    stage: list[StageTable]


def load_pipeline(path: Path | str) -> Pipeline:
    """Read a pipeline from a TOML file, and find the functions it names.

    Raises:
        PipelineError: names the file and the key or line that is wrong.
    """
    path = Path(path)
    content = _parse(path)
    try:
        table = PipelineTable.model_validate(content)
    except ValidationError as error:
        where, reason = _first_problem(content, error)
        raise PipelineError(where, reason, str(path)) from None
    try:
        stages = [_stage(each, path.parent) for each in table.stage]
        return Pipeline(
            table.name or path.stem,
            stages=stages,
            parameters=table.parameters,
            metadata=table.metadata,
        )
    except PipelineError as error:
        raise PipelineError(error.field, error.reason, str(path)) from error.__cause__


def _parse(path: Path) -> dict[str, Any]:
    text = _read(path)
    try:
        return parse_toml(text)
    except NotToml as error:
        raise PipelineError(error.place, error.reason, str(path)) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PipelineError("file", "there is none", str(path)) from None
    except OSError as error:
        raise PipelineError("file", error.strerror or str(error), str(path)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise PipelineError(f"line {line}", "not UTF-8", str(path)) from None


def _stage(table: StageTable, folder: Path) -> Stage:
    if table.run is not None:
        function: Any = ShellCommand(table.run)
    else:
        try:
            function = find_function(table.call or "", folder)
        except FunctionNotFound as error:
            raise PipelineError(f"stage {table.name}: call", str(error)) from error.__cause__
    return Stage(
        table.name,
        function,
        retries=table.retries,
        retry_delay=table.retry_delay,
        timeout=table.timeout,
    )


def _first_problem(content: Mapping[str, Any], error: ValidationError) -> tuple[str, str]:
    """Put a finding of pydantic into the words of the file: where it is, and what is wrong."""
    found = error.errors(include_url=False)
    # A misspelt key also leaves the right one missing; that it is misspelt says more.
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    stage, keys, path = _locate(content, first["loc"])
    key = ".".join(str(part) for part in path)
    where = ": ".join(part for part in (stage, key) if part)
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, keys, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(keys)}"
        return where, f"unknown key; {hint}"
    if where == "stage":
        return where, "a pipeline has one [[stage]] or more"
    return where, reason_of(first)


def _locate(
    content: Mapping[str, Any], place: tuple[str | int, ...]
) -> tuple[str, Sequence[str], tuple[str | int, ...]]:
    """Tell in which table a place is: its name, the keys it may have, and the path inside it."""
    match place:
        case ("stage", int(index), *path):
            label = f"stage {_stage_label(content['stage'][index], index)}"
            return label, tuple(StageTable.model_fields), tuple(path)
        case _:
            return "", tuple(PipelineTable.model_fields), place


def _stage_label(table: object, index: int) -> str:
    """Name a stage, or number it from 1 where it has no name."""
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) and name else str(index + 1)
