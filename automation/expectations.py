"""What is expected of which pipeline: options go before settings of a pipeline, then of all."""

from __future__ import annotations

from collections.abc import Sequence

from automation.settings import CheckSection, ExpectedOfPipeline
from projections.pipelines.freshness import Expectation

__all__ = ["expectations_of"]


def expectations_of(
    known: Sequence[str],
    section: CheckSection,
    given: ExpectedOfPipeline,
    *,
    pipelines: Sequence[str] = (),
) -> list[Expectation]:
    """Give what is expected of each pipeline to look at.

    Args:
        known: the pipelines that have runs.
        section: what is set, for all and by their names.
        given: what the call itself asks for, of each of them.
        pipelines: the ones to look at; without any, those that have runs or that are set by name.
            Where there are none at all, something is still expected of any.
    """
    names = sorted(set(pipelines) or {*known, *section.pipelines})
    if not names:
        return [_expectation(None, (given, section), by_name=False)]
    nothing = ExpectedOfPipeline()
    return [
        _expectation(
            name,
            (given, section.pipelines.get(name, nothing), section),
            by_name=name in pipelines or name in section.pipelines,
        )
        for name in names
    ]


def _expectation(
    pipeline: str | None, asked: Sequence[ExpectedOfPipeline], *, by_name: bool
) -> Expectation:
    return Expectation(
        pipeline=pipeline,
        within=next((one.within for one in asked if one.within is not None), None),
        max_duration=next(
            (one.max_duration for one in asked if one.max_duration is not None), None
        ),
        regressions=next((one.regressions for one in asked if one.regressions is not None), True),
        by_name=by_name,
    )
