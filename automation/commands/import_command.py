"""``runfold import``: take over the runs that another system recorded."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import tzinfo
from pathlib import Path
from typing import Annotated

import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.options import FolderOption, JsonOption, folder_of, redacted_keys
from automation.commands.printing.output import write_data, write_json
from automation.commands.printing.terminal_text import printable
from automation.errors import BadArgument, ImportRefused
from automation.importing.runs_import import CheckedFile, ImportCounts, check_runs_file, import_runs
from automation.local_time import find_zone
from projections import RunsFile

__all__ = ["import_file"]

_BETWEEN = 1.0


def import_file(
    file: Annotated[
        Path, typer.Argument(help="A runs.jsonl: the summary of one run on each line.")
    ],
    *,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Where naive times belong, like Europe/Berlin."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", show_default="the file's name", help="Where the runs come from."
        ),
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import runs that another system recorded: all of a file, or nothing.

    Importing it again adds nothing, and finishes an import that was cut off.
    """
    zone = None if timezone is None else find_zone(timezone)
    path = folder_of(folder)
    try:
        checked = _check(file, zone=zone, source=source)
        counts = import_runs(
            path, checked, redact=redacted_keys(), progress=_Progress("{} runs are in the log")
        )
    except ImportRefused as error:
        _show_refused(error, as_json=as_json)
        raise typer.Exit(ExitCode.USAGE) from None
    if counts.runs:
        RunsFile(path).catch_up()
    _show(counts, checked, as_json=as_json)


def _check(file: Path, *, zone: tzinfo | None, source: str | None) -> CheckedFile:
    progress = _Progress("{} lines checked")
    try:
        checked = check_runs_file(file, zone=zone, source=source, progress=progress)
    except OSError as error:
        raise BadArgument(str(file), error.strerror or "it cannot be read") from None
    _say(f"lines checked: {checked.lines}; runs in them: {len(checked.run_ids)}")
    return checked


class _Progress:
    """Says on stderr how far it is, once a second."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._next = time.monotonic() + _BETWEEN

    def __call__(self, done: int) -> None:
        if time.monotonic() >= self._next:
            _say(self._words.format(done))
            self._next = time.monotonic() + _BETWEEN


def _say(text: str) -> None:
    typer.echo(printable(text), err=True)


def _show(counts: ImportCounts, checked: CheckedFile, *, as_json: bool) -> None:
    if as_json:
        write_json({**asdict(counts), "source": checked.source})
        return
    already = f", {counts.already_there} were there already" if counts.already_there else ""
    runs = "1 run" if counts.imported == 1 else f"{counts.imported} runs"
    write_data(f"{runs} imported{already}\n".encode())


def _show_refused(error: ImportRefused, *, as_json: bool) -> None:
    if as_json:
        lines = [{"line": line.number, "reason": line.reason} for line in error.lines]
        write_json({"imported": 0, "refused_lines": error.total, "refused": lines})
        return
    _say(f"runfold: {error.file}: nothing was taken, as lines of it are refused:")
    for line in error.lines:
        _say(f"  {line}")
    if error.total > len(error.lines):
        _say(f"  and {error.total - len(error.lines)} more")
