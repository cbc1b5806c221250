"""``runfold runs``: the runs of a ledger, newest first."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from automation.commands.damage_warning import warn_of_damage
from automation.commands.degraded_warning import warn_of_degraded
from automation.commands.options import FolderOption, JsonOption, folder_of
from automation.commands.output import write_json, write_rich
from projections import RunHistory

__all__ = ["runs"]


def runs(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    result: Annotated[
        str | None, typer.Option(help="Only runs that ended so: success, failed or stopped.")
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs, newest first."""
    with RunHistory(folder_of(folder)) as history:
        if as_json:
            write_json(json.loads(history.runs_page(limit=limit, result_filter=result).encode()))
        else:
            # Needs rich, which JSON does not.
            from automation.commands.runs_table import runs_table  # noqa: PLC0415

            found = history.list_runs(limit=limit, result_filter=result)
            total = history.get_run_count(result_filter=result)
            write_rich(runs_table(found, total))
        warn_of_degraded(history)
        warn_of_damage(history)
