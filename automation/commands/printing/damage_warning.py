"""Say on stderr what a damaged log did not let be read, after the data that could be."""

from __future__ import annotations

import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.printing.output import write_words
from projections import RunHistory

__all__ = ["warn_of_damage"]


def warn_of_damage(history: RunHistory) -> None:
    """Print a line for each range of positions that is out of reach.

    Raises:
        Exit: there is one: with the exit code of a damaged log.
    """
    ranges = history.out_of_reach()
    for item in ranges:
        positions = f"position {item.first}" if item.count == 1 else ""
        positions = positions or f"positions {item.first} to {item.last}"
        if not item.count:
            positions = "no position, but bytes of the log"
        place = f"{item.segment}, byte {item.offset}"
        write_words(f"out of reach: {positions} ({place}): {item.reason}")
    if ranges:
        raise typer.Exit(ExitCode.DAMAGED)
