"""Say on stderr which projections went on without some events, after the data of the others."""

from __future__ import annotations

from automation.commands.printing.output import write_words
from projections import RunHistory

__all__ = ["warn_of_degraded"]


def warn_of_degraded(history: RunHistory) -> None:
    """Print a line for each projection that could not take every event."""
    for item in history.degraded():
        events = "an event" if item.count == 1 else f"{item.count} events, the first"
        line = f"the projection {item.projection} could not take {events} at position {item.first}"
        hint = "runfold projections --parked says why"
        write_words(f"degraded: {line}; {hint}")
