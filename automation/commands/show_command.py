"""``runfold show``: all that is known of one run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from automation.commands.damage_warning import warn_of_damage
from automation.commands.degraded_warning import warn_of_degraded
from automation.commands.moments import parse_past
from automation.commands.options import (
    FolderOption,
    JsonOption,
    PastOption,
    check_run_id,
    folder_of,
)
from automation.commands.output import write_json, write_rich
from automation.errors import RunIdAmbiguous, RunNotFound
from projections import RunHistory, RunSummary

__all__ = ["find_run", "show"]


def show(
    run_id: Annotated[
        str, typer.Argument(help="A run id, or as much of it as makes it the only one.")
    ],
    *,
    as_of: PastOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one run, now or as it was: its stages, attempts, errors and output."""
    path = folder_of(folder)
    with RunHistory(path) as history:
        past = None if as_of is None else parse_past("--as-of", as_of)
        summary = find_run(history, run_id, as_of=past)
        if as_json:
            write_json(summary.model_dump(mode="json"))
        else:
            # Needs rich, which JSON does not.
            from automation.commands.run_report import run_details, run_report  # noqa: PLC0415

            write_rich(*run_report(summary, path), *run_details(summary))
        warn_of_degraded(history)
        warn_of_damage(history)


def find_run(
    history: RunHistory, run_id: str, *, as_of: int | datetime | None = None
) -> RunSummary:
    """Find the run with this id, or the only one whose id begins with it, now or as it was.

    Raises:
        InvalidEvent: no run id can look like this.
        RunNotFound: there is none, or was none then.
        RunIdAmbiguous: there are several.
    """
    exact = history.get_run(check_run_id(run_id), as_of=as_of)
    if exact is not None:
        return exact
    found = history.find_run_ids(run_id)
    if len(found) > 1:
        raise RunIdAmbiguous(run_id, found)
    summary = history.get_run(found[0], as_of=as_of) if found else None
    if summary is None:
        raise RunNotFound(run_id, history.reader.folder.path)
    return summary
