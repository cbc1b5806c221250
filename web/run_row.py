"""What the list of runs shows of one run. Values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projections import RunSummary
from web.wording import readable

__all__ = ["RunRow", "StageMark", "run_row", "seconds_so_far", "stage_marks"]

_REASON = 300
_MARKS = 12


@dataclass(frozen=True, slots=True)
class StageMark:
    """How one stage stands: completed, failed, stopped, running, skipped or waiting."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of the list.

    Attributes:
        result: ``success``, ``failed``, ``stopped`` or ``running``; the icon has its name.
        note: what to know beside the result, like how sure it is that a run still goes on.
        stages: in order; the planned ones too while they have not started.
        stages_text: all of ``stages`` in words.
        stage_label: the one thing to know of the stages at a glance.
    """

    run_id: str
    pipeline: str | None
    result: str
    note: str | None
    started_at: datetime | None
    seconds: float | None
    so_far: bool
    stages: Sequence[StageMark]
    more_stages: int
    stages_text: str
    stage_label: str
    retries: int
    reason: str | None


def run_row(run: RunSummary, now: datetime) -> RunRow:
    """Say of a run what the list shows, as of ``now``."""
    stages = stage_marks(run)
    return RunRow(
        run_id=run.run_id,
        pipeline=run.pipeline,
        result=run.result or "running",
        note=run.liveness if run.result is None else None,
        started_at=run.started_at,
        seconds=seconds_so_far(run, now),
        so_far=run.result is None,
        stages=stages[:_MARKS],
        more_stages=max(0, len(stages) - _MARKS),
        stages_text=", ".join(f"{mark.name} {mark.state}" for mark in stages[:_MARKS]),
        stage_label=_stage_label(run, stages),
        retries=run.retry_count,
        reason=readable(run.failure_reason, _REASON) if run.failure_reason else None,
    )


def seconds_so_far(run: RunSummary, now: datetime) -> float | None:
    """Give how long the run took, or has taken so far; None where nobody knows."""
    if run.duration_seconds is not None or run.result is not None or run.started_at is None:
        return run.duration_seconds
    return max(0.0, (now - run.started_at).total_seconds())


def stage_marks(run: RunSummary) -> list[StageMark]:
    """Say of each stage how it stands, the planned ones first."""
    words = {"success": "completed", None: "running" if run.result is None else "unfinished"}
    states = {each.stage: "skipped" for each in run.stages_skipped}
    # An imported run names its stages and has no attempts.
    states |= dict.fromkeys(run.stages_executed, "completed")
    states |= {each.stage: words.get(each.result, str(each.result)) for each in run.attempts}
    states |= dict.fromkeys(run.stages_failed, "failed")
    names = dict.fromkeys((*run.stages_planned, *states))
    return [StageMark(name, states.get(name, "waiting")) for name in names]


def _stage_label(run: RunSummary, stages: Sequence[StageMark]) -> str:
    """Name the stage that matters: the one that runs, failed or was stopped; else count them."""
    for state in ("running", "failed", "stopped", "unfinished"):
        named = [mark.name for mark in stages if mark.state == state]
        if named and (state != "failed" or run.result != "success"):
            more = f" +{len(named) - 1}" if len(named) > 1 else ""
            return f"{named[-1]}{more}"
    if not stages:
        return "none"
    done = sum(mark.state == "completed" for mark in stages)
    return f"{done} of {len(stages)}"
