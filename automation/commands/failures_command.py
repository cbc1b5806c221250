"""``runfold failures``: what fails, grouped by what a person calls the same failure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from automation.commands.options.moments import MOMENT, parse_moment, parse_moment_or_version
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.lacks import warn_of_lacks
from automation.commands.printing.output import write_json, write_rich
from projections import RunHistory
from projections.failures.by_fingerprint import list_failures

__all__ = ["failures"]


def failures(
    *,
    since: Annotated[
        str | None, typer.Option(metavar=MOMENT, help="Count only failures from then on.")
    ] = None,
    new_since: Annotated[
        str | None,
        typer.Option(
            metavar=f"{MOMENT}|VERSION",
            help="Only what was not seen before then, or before that code version failed.",
        ),
    ] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only those of this pipeline.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Those acknowledged, and those retried, too.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many kinds at most.")] = 100,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what fails, each kind of failure once, the last seen first."""
    now = datetime.now(UTC)
    from_then = None if since is None else parse_moment("--since", since, now)
    new = None if new_since is None else parse_moment_or_version("--new-since", new_since, now)
    with RunHistory(folder_of(folder)) as history:
        page = list_failures(
            history,
            since=from_then,
            new_since=new,
            pipeline=pipeline,
            every=every,
            limit=limit,
        )
        if as_json:
            write_json(page.model_dump(mode="json"))
        else:
            # Needs rich, which JSON does not.
            from automation.commands.printing.failures_table import failures_table  # noqa: PLC0415

            write_rich(failures_table(page, every=every))
        warn_of_lacks(history, pipeline=pipeline)
