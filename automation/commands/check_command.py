"""``runfold check``: whether the pipelines do what is expected of them, for cron and monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.moments import parse_span
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.finding_words import finding_line, fine_line
from automation.commands.printing.lacks import warn_of_lacks
from automation.commands.printing.output import write_data, write_json
from automation.expectations import expectations_of
from automation.settings import ExpectedOfPipeline, read_settings
from automation.settings_file import CONFIG
from projections import RunHistory
from projections.pipelines.freshness import Expectation
from projections.pipelines.pipeline_standings import FreshnessReport, check_freshness

__all__ = ["check"]


def check(
    *,
    pipeline: Annotated[
        list[str] | None, typer.Option(help="Only this pipeline. May be repeated.")
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(metavar="26h", help="The last success ended no longer ago than this."),
    ] = None,
    max_duration: Annotated[
        str | None, typer.Option(metavar="2h", help="No run goes on for longer than this.")
    ] = None,
    regressions: Annotated[
        bool | None,
        typer.Option(
            "--regressions/--no-regressions",
            help="Whether the last success may not be slower than usual.",
            show_default="--regressions",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing where all is as expected.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar=CONFIG, show_default="runfold.toml", help="The file that holds expectations."
        ),
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Exit with 1 if a pipeline is not as expected, with a line for each finding; else with 0."""
    given = ExpectedOfPipeline(
        within=None if within is None else parse_span("--within", within),
        max_duration=None if max_duration is None else parse_span("--max-duration", max_duration),
        regressions=regressions,
    )
    settings = read_settings(config)

    def expect(known: Sequence[str]) -> list[Expectation]:
        return expectations_of(known, settings.check, given, pipelines=pipeline or ())

    with RunHistory(folder_of(folder, settings)) as history:
        report = check_freshness(history, expect, datetime.now(UTC))
        _write(report, quiet=quiet, as_json=as_json)
        warn_of_lacks(history)
    if report.findings:
        raise typer.Exit(ExitCode.WRONG)


def _write(report: FreshnessReport, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        write_json(report.model_dump(mode="json"))
        return
    lines = [finding_line(finding, report.position) for finding in report.findings]
    if not lines and not quiet:
        lines = [fine_line(report)]
    write_data("".join(f"{line}\n" for line in lines).encode())
