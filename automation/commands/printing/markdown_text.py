"""Put text from events into Markdown: whatever it says, it is shown, and does nothing.

It goes into a code span, in which GitHub, GitLab and CommonMark know no links, images, HTML,
mentions or numbers of tickets; only its end has to be guarded. What acts on a terminal or reorders
text is written as an escape first. In a table a ``|`` is escaped, which those who read tables undo
before they read spans.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from automation.commands.printing.terminal_text import printable

__all__ = ["code_span", "markdown_table"]

_BACKTICKS = re.compile("`+")


def code_span(text: str) -> str:
    """Write text as a code span; empty text as nothing."""
    shown = printable(text)
    if not shown:
        return ""
    fence = "`" * (max(map(len, _BACKTICKS.findall(shown)), default=0) + 1)
    # One blank on both sides is taken off again, but where there is nothing else.
    guarded = shown.strip(" ") and (shown[0] in " `" or shown[-1] in " `")
    return f"{fence} {shown} {fence}" if guarded else f"{fence}{shown}{fence}"


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; what its cells hold is Markdown already."""
    yield _row(headers)
    yield _row(["---"] * len(headers))
    for row in rows:
        yield _row([cell.replace("|", r"\|") for cell in row])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
