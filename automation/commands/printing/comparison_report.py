"""Two runs side by side, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from automation.commands.printing.compared_words import (
    ATTEMPT_HEADERS,
    PARTING_HEADERS,
    RUN_HEADERS,
    VALUE_HEADERS,
    Row,
    attempt_rows,
    course_line,
    parting_rows,
    run_rows,
    value_rows,
)
from automation.commands.printing.run_words import safe, styled_result
from projections.comparing.run_comparison import RunComparison

__all__ = ["comparison_report"]

_RESULTS = frozenset({"success", "failed", "stopped", "skipped", "presumed dead", "late"})


def comparison_report(comparison: RunComparison) -> Iterator[RenderableType]:
    """Lay out two runs: what each is, what differs, their attempts, and where they part."""
    yield _table(RUN_HEADERS, run_rows(comparison))
    for headers, rows in (
        (VALUE_HEADERS, value_rows(comparison)),
        (ATTEMPT_HEADERS, attempt_rows(comparison.attempts)),
    ):
        table = _table(headers, rows)
        if table.row_count:
            yield Text()
            yield table
    yield Text()
    yield Text(course_line(comparison))
    parting = _table(PARTING_HEADERS, parting_rows(comparison))
    if parting.row_count:
        yield parting
    yield Text()
    yield Text(f"as of position {comparison.position}")


def _table(headers: Sequence[str], rows: Iterable[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _cell(text: str) -> Text:
    return styled_result(text) if text in _RESULTS else safe(text)
