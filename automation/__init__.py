"""What acts: pipelines that record themselves, the orchestrator, and the command line."""

from typing import TYPE_CHECKING, Any

from automation.errors import (
    AutomationError,
    CommandFailed,
    PipelineError,
    StageTimeout,
    UnknownPipeline,
)
from automation.pipeline import Pipeline, Stage
from automation.pipeline_file import load_pipeline
from automation.shell_stage import ShellCommand

if TYPE_CHECKING:
    from automation.orchestrator import PipelineOrchestrator

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


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what the module holds
    """Import the orchestrator when it is asked for: only it needs the extra ``run``."""
    if name == "PipelineOrchestrator":
        from automation.orchestrator import PipelineOrchestrator  # noqa: PLC0415 - see above

        return PipelineOrchestrator
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
