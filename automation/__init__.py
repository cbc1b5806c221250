"""What acts: pipelines that record themselves, the orchestrator, and the command line."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automation.errors import (
        AutomationError,
        CommandFailed,
        PipelineError,
        StageTimeout,
        UnknownPipeline,
    )
    from automation.pipeline import Pipeline, Stage
    from automation.pipeline_file import load_pipeline
    from automation.running.orchestrator import PipelineOrchestrator
    from automation.running.shell_stage import ShellCommand

__all__ = [
    "AutomationError",
    "CommandFailed",
    "Pipeline",
    "PipelineError",
    "PipelineOrchestrator",
    "ShellCommand",
    "Stage",
    "StageTimeout",
    "UnknownPipeline",
    "load_pipeline",
]


_HOMES = {
    "AutomationError": "errors",
    "CommandFailed": "errors",
    "Pipeline": "pipeline",
    "PipelineError": "errors",
    "PipelineOrchestrator": "running.orchestrator",
    "ShellCommand": "running.shell_stage",
    "Stage": "pipeline",
    "StageTimeout": "errors",
    "UnknownPipeline": "errors",
    "load_pipeline": "pipeline_file",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what the module holds
    """Import what is asked for: ``runfold exec`` needs little, and the orchestrator an extra."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"automation.{home}"), name)
