"""The flaky stages: those that failed, and passed on a later attempt of the same run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from projections.statistics.over_time import Statistics

__all__ = ["FlakyStage", "flaky_stages"]


class FlakyStage(BaseModel):
    """A stage that was flaky in some runs: in how many of how many, and what retries it took."""

    model_config = ConfigDict(frozen=True)

    pipeline: str | None
    stage: str
    flaky: int
    runs: int
    share: float
    retries: int


def flaky_stages(found: Statistics) -> tuple[FlakyStage, ...]:
    """List the stages that were flaky in the time of some statistics, the worst first."""
    stages = [
        FlakyStage(
            pipeline=pipeline.pipeline,
            stage=stage.stage,
            flaky=stage.total.flaky,
            runs=stage.total.runs,
            share=stage.total.flaky / stage.total.runs,
            retries=stage.total.retries,
        )
        for pipeline in found.pipelines
        for stage in pipeline.stages
        if stage.total.flaky
    ]
    return tuple(sorted(stages, key=lambda one: (-one.share, one.pipeline or "", one.stage)))
