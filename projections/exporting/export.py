"""An export: rows as pages of JSON lines, as of one position, which a format then writes.

Each page is a short question of its own: a long export holds up neither the read model nor whoever
projects, and memory is bounded by a page. All pages tell of the same position nevertheless: what
went on behind it meanwhile is folded again up to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from projections.exporting.columns import COLUMNS, Column, Exported

__all__ = ["PAGE", "Export", "JsonLines"]

PAGE = 2_000
"""Rows that are asked for at once."""

JsonLines = Sequence[bytes]
"""A JSON object a row; it has each column's value under the column's name, and may have more."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported. To be written once: its pages are read as they are written.

    Attributes:
        what: runs, stages or events.
        ledger_id: of which ledger.
        position: what the rows reflect.
        pages: the rows, in a stable order.
    """

    what: Exported
    ledger_id: str
    position: int
    pages: Iterator[JsonLines]

    @property
    def columns(self) -> Sequence[Column]:
        """What each row has."""
        return COLUMNS[self.what]
