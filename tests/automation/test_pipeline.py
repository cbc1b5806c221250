"""Pipelines and stages as values: what they take, and what they refuse by name."""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from automation import Pipeline, PipelineError, ShellCommand, Stage
from automation.pipeline import takes_context
from ledger import StageContext


def nothing() -> None:
    """Stand for a stage that takes no argument."""


def with_context(stage: StageContext) -> str:
    """Stand for a stage that takes its context."""
    return stage.name


async def asynchronous(stage: StageContext) -> str:
    """Stand for an async stage."""
    return stage.name


def with_default(count: int = 1) -> int:
    """Stand for a function whose argument has a default."""
    return count


def with_two(first: object, second: object) -> None:
    """Stand for a function that cannot be a stage."""


def with_keyword(*, name: str) -> str:
    """Stand for another that cannot."""
    return name


def generator() -> Iterator[int]:
    """Stand for a function that runs nothing when it is called."""
    yield 1


async def async_generator() -> AsyncIterator[int]:
    """Stand for another."""
    yield 1


class Callables:
    """Stand for things that are called like functions."""

    def method(self, stage: StageContext) -> str:
        """Take the context."""
        return stage.name

    def __call__(self) -> None:
        """Take nothing."""


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (nothing, False),
        (with_context, True),
        (asynchronous, True),
        (with_default, False),
        (Callables().method, True),
        (Callables(), False),
        (functools.partial(with_two, 1), True),
        (lambda *_: None, False),
        (time.monotonic, False),
        (ShellCommand("true"), True),
    ],
)
def test_the_signature_tells_whether_a_function_takes_its_context(
    function: object, expected: bool
) -> None:
    """A positional parameter without a default asks for the context; nothing else does."""
    assert takes_context(function) is expected


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (with_two, r"with_two asks for \(first, second\); a stage takes no argument or one"),
        (with_keyword, r"with_keyword asks for \(name\)"),
        (generator, "generator is a generator: calling it would run nothing"),
        (async_generator, "calling it would run nothing"),
        (3, "3 is not a function"),
    ],
)
def test_what_cannot_be_a_stage_is_refused(function: Any, reason: str) -> None:
    """The error names the stage, the field and the function."""
    with pytest.raises(PipelineError, match=rf"stage s: function: .*{reason}"):
        Stage("s", function)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("retries", -1, "-1 is not a whole number from 0 up"),
        ("retries", 1.5, "1.5 is not a whole number"),
        ("retries", True, "True is not a whole number"),
        ("retry_delay", -0.1, "-0.1 is not a number from 0 up"),
        ("retry_delay", float("nan"), "nan is not a number"),
        ("retry_delay", "1", "'1' is not a number"),
        ("timeout", 0, "0 is not a number above 0"),
        ("timeout", float("inf"), "inf is not a number above 0"),
    ],
)
def test_a_bad_number_is_refused_by_its_name(name: str, value: Any, reason: str) -> None:
    """The error names the stage and the field that is wrong."""
    with pytest.raises(PipelineError, match=f"^stage s: {name}: {reason}"):
        Stage("s", nothing, **{name: value})


@pytest.mark.parametrize("name", ["", "a b", "/a", "a//b", "..", "-a", "a\n", "a\x1b", "ä", 3])
def test_a_bad_stage_name_is_refused(name: Any) -> None:
    """A stage is named by the ledger's rules, identifiers joined by a slash."""
    with pytest.raises(PipelineError, match=r"^stage\.name: .* is not a name"):
        Stage(name, nothing)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".", "a b", "a\n", None])
def test_a_bad_pipeline_name_is_refused(name: Any) -> None:
    """A pipeline's name is one identifier."""
    with pytest.raises(PipelineError, match=r"^pipeline\.name: .* is not a name"):
        Pipeline(name, stages=[Stage("s", nothing)])


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ([], "there is none"),
        ([Stage("s", nothing), Stage("s", nothing)], "two are named s"),
        (["s"], "'s' is not a Stage"),
    ],
)
def test_a_pipeline_needs_stages_of_different_names(stages: Any, reason: str) -> None:
    """No stage, one name twice, or something that is no stage: each is refused."""
    with pytest.raises(PipelineError, match=f"^pipeline p: stages: {reason}"):
        Pipeline("p", stages=stages)


@pytest.mark.parametrize("version", [3, "\ud800"])
def test_a_code_version_is_text(version: Any) -> None:
    """What the log could not hold is refused before anything runs."""
    with pytest.raises(PipelineError, match=r"^pipeline p: code_version: "):
        Pipeline("p", stages=[Stage("s", nothing)], code_version=version)


def test_a_pipeline_keeps_plain_copies() -> None:
    """What is changed afterwards does not change the pipeline, and its values are plain."""
    parameters: dict[str, Any] = {"days": [1, 2], "loss": float("nan")}
    stages = [Stage("load/orders", nothing)]
    pipeline = Pipeline("p", stages=stages, parameters=parameters)

    parameters["days"].append(3)
    stages.clear()

    assert pipeline.parameters == {"days": [1, 2], "loss": "NaN"}
    assert [stage.name for stage in pipeline.stages] == ["load/orders"]
    with pytest.raises(TypeError):
        pipeline.parameters["days"] = []  # type: ignore[index]
    with pytest.raises(AttributeError):
        pipeline.name = "q"  # type: ignore[misc]
