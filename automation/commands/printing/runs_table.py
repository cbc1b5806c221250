"""The table of ``runfold runs``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from automation.commands.printing.run_words import duration, result_of, safe, started, styled_result
from automation.commands.printing.terminal_text import printable
from projections import RunSummary
from projections.listing.runs_page import RunsPage

__all__ = ["runs_table"]


def runs_table(runs: Sequence[RunSummary], page: RunsPage) -> Group:
    """Lay out the runs of a page, and say how many there are in all, if known, and how to go on."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("run", "pipeline", "result", "started", "duration", "stages"):
        # An id is there to be copied, so it never wraps; the reason gives way.
        table.add_column(header, no_wrap=True)
    table.add_column("reason", no_wrap=True, overflow="ellipsis")
    for run in runs:
        table.add_row(
            safe(run.run_id),
            safe(run.pipeline or ""),
            styled_result(result_of(run)),
            started(run.started_at),
            duration(run.duration_seconds),
            str(len(run.stages_executed)),
            Text(printable(run.failure_reason or "")),
        )
    counted = _count(len(runs), page.total, more=page.after is not None)
    count = Text(f"{counted}; as of position {page.position}", style="dim")
    going_on = [] if page.after is None else [Text(f"go on with --after {page.after}", style="dim")]
    return Group(table, *going_on, count) if runs else Group(count)


def _count(shown: int, total: int | None, *, more: bool) -> str:
    """Say how many runs are shown, and of how many, as far as that is known."""
    if total is None:
        return f"{shown} {'run' if shown == 1 else 'runs'}{', and more' if more else ''}"
    return f"{f'{shown} of ' if shown < total else ''}{total} {'run' if total == 1 else 'runs'}"
