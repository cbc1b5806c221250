"""``runfold show``: all that is known of one run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from automation.commands.options.moments import parse_past
from automation.commands.options.options import (
    FolderOption,
    JsonOption,
    PastOption,
    check_run_id,
    folder_of,
)
from automation.commands.printing.lacks import warn_of_lacks
from automation.commands.printing.output import write_json, write_rich
from automation.errors import RunIdAmbiguous, RunNotFound, RunNotStarted
from ledger import LogReader
from projections import RunHistory, RunSummary

__all__ = ["find_run", "find_run_id", "show"]


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
    past = None if as_of is None else parse_past("--as-of", as_of, datetime.now(UTC))
    with RunHistory(path) as history:
        found = find_run(history, run_id)
        detail = history.run_detail(found.run_id, as_of=past)
        if detail is None:
            raise RunNotStarted(found.run_id, path, found.started_at)
        summary = RunSummary.model_validate_json(detail.text)
        if as_json:
            write_json({**summary.model_dump(mode="json"), "position": detail.position})
        else:
            # Needs rich, which JSON does not.
            from automation.commands.printing.run_report import run_details, run_report  # noqa: PLC0415

            write_rich(*run_report(summary, path), *run_details(summary, detail.position))
        warn_of_lacks(history)


def find_run(history: RunHistory, run_id: str) -> RunSummary:
    """Find the run with this id, or the only one whose id begins with it.

    Raises:
        InvalidEvent: no run id can look like this.
        RunNotFound: there is none.
        RunIdAmbiguous: there are several.
    """
    found = history.get_run(check_run_id(run_id)) or history.get_run(_only_one(history, run_id))
    if found is None:
        raise RunNotFound(run_id, history.reader.folder.path)
    return found


def find_run_id(reader: LogReader, run_id: str) -> str:
    """Find the run with this id, or the only one whose id begins with it, by its whole id.

    What no run is meant by is given back as it is. A whole id needs no read model.

    Raises:
        InvalidEvent: no run id can look like this.
        RunIdAmbiguous: there are several.
    """
    if any(True for _ in reader.run_lines(check_run_id(run_id))):
        return run_id
    with RunHistory(reader.folder.path) as history:
        return _only_one(history, run_id)


def _only_one(history: RunHistory, prefix: str) -> str:
    """Complete the beginning of a run id; what is none of any run stays as it is."""
    found = history.find_run_ids(prefix)
    if len(found) > 1:
        raise RunIdAmbiguous(prefix, found)
    return found[0] if found else prefix
