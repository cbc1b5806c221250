"""Say on stderr what an answer lacks, after the answer itself."""

from __future__ import annotations

import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.printing.output import write_words
from projections import RunHistory
from projections.pipelines.pipeline_counts import pipeline_names

__all__ = ["warn_of_damage", "warn_of_lacks"]

_MOST_NAMES = 10


def warn_of_lacks(history: RunHistory, *, pipeline: str | None = None) -> None:
    """Tell of a pipeline that has no runs, of projections that are degraded, and of damage.

    Raises:
        Exit: the log is damaged: with the exit code of that.
    """
    if pipeline is not None:
        _warn_of_unknown(history, pipeline)
    for item in history.degraded():
        events = "an event" if item.count == 1 else f"{item.count} events, the first"
        line = f"the projection {item.projection} could not take {events} at position {item.first}"
        hint = "runfold projections --parked says why"
        write_words(f"degraded: {line}; {hint}")
    warn_of_damage(history)


def _warn_of_unknown(history: RunHistory, pipeline: str) -> None:
    names = pipeline_names(history, limit=None)
    if pipeline in names:
        return
    more = ", …" if len(names) > _MOST_NAMES else ""
    known = f"; there are {', '.join(names[:_MOST_NAMES])}{more}" if names else ""
    write_words(f"no run of a pipeline {pipeline!r} is recorded here{known}")


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
