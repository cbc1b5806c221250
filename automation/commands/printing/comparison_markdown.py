"""Two runs side by side in Markdown, for pasting into a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from automation.commands.printing.compared_words import (
    ATTEMPT_HEADERS,
    NOTHING,
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
from automation.commands.printing.markdown_text import code_span, markdown_table
from projections.comparing.run_comparison import RunComparison

__all__ = ["comparison_markdown"]


def comparison_markdown(comparison: RunComparison) -> str:
    """Write a comparison as Markdown."""
    return "".join(f"{line}\n" for line in _lines(comparison))


def _lines(comparison: RunComparison) -> Iterator[str]:
    ids = [code_span(run.run_id) for run in (comparison.a, comparison.b)]
    yield f"**{ids[0]} compared with {ids[1]}**"
    yield from _table(RUN_HEADERS, run_rows(comparison))
    yield from _table(VALUE_HEADERS, value_rows(comparison))
    yield from _table(ATTEMPT_HEADERS, attempt_rows(comparison.attempts))
    yield ""
    yield course_line(comparison)
    yield from _table(PARTING_HEADERS, parting_rows(comparison))
    yield ""
    yield f"As of position {comparison.position}."


def _table(headers: Sequence[str], found: Iterable[Row]) -> Iterator[str]:
    """Write a table and what sets it off; nothing where it has no rows."""
    rows = [[cell if cell == NOTHING else code_span(cell) for cell in row] for row in found]
    if rows:
        yield ""
        yield from markdown_table(headers, rows)
