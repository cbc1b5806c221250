"""``runfold run``: run a pipeline, show how it goes, and say what it came to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from automation.built_in import find_pipeline_file
from automation.commands.exit_codes import ExitCode
from automation.commands.options.options import (
    FolderOption,
    JsonOption,
    check_run_id,
    folder_of,
    parse_pairs,
    redacted_keys,
)
from automation.commands.printing.output import write_json, write_rich
from automation.commands.printing.standard_streams import stdout_goes_to_stderr
from automation.errors import BadArgument
from automation.parameters import merge_parameters, parse_parameter
from automation.pipeline import Pipeline
from automation.pipeline_file import load_pipeline
from projections import RunSummary

__all__ = ["run"]

_CODES: Mapping[str | None, ExitCode] = {
    "success": ExitCode.FINE,
    "failed": ExitCode.WRONG,
    "stopped": ExitCode.STOPPED,
    None: ExitCode.WRONG,
}


def run(
    pipeline: Annotated[str, typer.Argument(help="A TOML file, or a pipeline that ships.")],
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter of this run. May be repeated."),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What to find the run by. May be repeated."),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", help="The id of the run; made up if not given.")
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Run a pipeline and record it."""
    if run_id is not None:
        check_run_id(run_id)
    with stdout_goes_to_stderr():
        # Loading a pipeline imports its modules, which may print.
        loaded = load_pipeline(find_pipeline_file(pipeline))
    parameters = _parameters(loaded, param or [])
    labels = parse_pairs("--metadata", metadata or [])
    result = _record(
        loaded,
        _folder_here(folder),
        quiet=quiet,
        as_json=as_json,
        parameters=parameters,
        run_id=run_id,
        metadata=labels,
    )
    raise typer.Exit(_CODES[result])


def _record(
    pipeline: Pipeline,
    folder: Path,
    *,
    quiet: bool,
    as_json: bool,
    **asked: Any,  # what ``PipelineOrchestrator.run`` takes
) -> str | None:
    """Run the pipeline, show what it came to, also where a signal ends it, and give the result."""
    # Here, as the other commands do without the orchestrator and without a display.
    from automation.commands.printing.progress import progress_display  # noqa: PLC0415
    from automation.running.orchestrator import PipelineOrchestrator  # noqa: PLC0415

    with PipelineOrchestrator(
        folder, trigger="command line", redact=redacted_keys()
    ) as orchestrator:
        try:
            with stdout_goes_to_stderr(), progress_display(quiet=quiet) as observer:
                return orchestrator.run(pipeline, observer=observer, **asked).result
        finally:
            if orchestrator.last_run is not None:
                _show(orchestrator.last_run, folder, as_json=as_json)


def _folder_here(option: Path | None) -> Path:
    """Give the folder to record into.

    Raises:
        BadArgument: all that is named is a ledger elsewhere, whose runs are recorded by others.
    """
    if option is None and os.environ.get("RUNFOLD_URL"):
        reason = "runfold run records into a folder: name it by --dir; runfold exec records there"
        raise BadArgument("RUNFOLD_URL", reason)
    return folder_of(option)


def _show(summary: RunSummary, folder: Path, *, as_json: bool) -> None:
    if as_json:
        write_json(summary.model_dump(mode="json"))
        return
    from automation.commands.printing.run_report import run_report  # noqa: PLC0415 - needs rich, JSON does not

    write_rich(*run_report(summary, folder))


def _parameters(pipeline: Pipeline, given: list[str]) -> dict[str, Any]:
    """Read the parameters; what the pipeline does not take is found out before a ledger is made."""
    parsed = {
        name: parse_parameter(name, text, pipeline.parameters)
        for name, text in parse_pairs("--param", given).items()
    }
    merge_parameters(pipeline.parameters, parsed, pipeline=pipeline.name)
    return parsed
