"""The table of ``runfold projections``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from automation.commands.printing.run_words import duration, safe
from projections.read_model.projection_standing import ProjectionStanding

__all__ = ["projections_table"]

_HEADERS = ("projection", "version", "generation", "checkpoint", "lag", "rows", "parked")


def projections_table(found: Sequence[ProjectionStanding], *, digest: bool) -> Table:
    """Lay out how projections stand."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in (*_HEADERS, *(["digest"] if digest else [])):
        table.add_column(header, no_wrap=True)
    for standing in found:
        cells = [
            safe(standing.name),
            Text(_version(standing)),
            Text(standing.generation or "none"),
            Text(str(standing.checkpoint)),
            Text(_lag(standing)),
            Text(str(standing.rows)),
            Text(str(standing.parked), style="bold red" if standing.parked else ""),
        ]
        table.add_row(*cells, *([Text(standing.digest or "")] if digest else []))
    return table


def _version(standing: ProjectionStanding) -> str:
    if standing.version is None:
        return f"{standing.installed}, not built yet"
    if standing.installed is None:
        return f"{standing.version}, not installed"
    if standing.installed != standing.version:
        return f"{standing.version}, installed is {standing.installed}"
    return str(standing.version)


def _lag(standing: ProjectionStanding) -> str:
    if not standing.lag_events:
        return "none"
    events = f"{standing.lag_events} event{'' if standing.lag_events == 1 else 's'}"
    seconds = duration(standing.lag_seconds)
    return f"{events}, {seconds}" if seconds else events
