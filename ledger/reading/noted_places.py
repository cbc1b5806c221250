"""Where the ends of a few lines lie, as somebody found who read to there.

Most who read go on where the last one stopped. What is noted is a hint: the line that ends there
says itself which one it is.
"""

from __future__ import annotations

from ledger.disk.mark import Mark

__all__ = ["NotedPlaces"]

_KEPT = 8


class NotedPlaces:
    """The ends of lines that were noted last. Safe to share between threads."""

    def __init__(self) -> None:
        """Know none yet."""
        self._places: tuple[tuple[int, int, int], ...] = ()

    def note_last(self, mark: Mark, line: bytes) -> None:
        """Note where the last line before a mark begins and ends."""
        start = mark.offset - len(line) - 1
        ends = (mark.segment, mark.position - 1, start), (mark.segment, mark.position, mark.offset)
        self._places = (*self._places[-_KEPT + 2 :], *ends)

    def find(self, segment: int, position: int) -> int | None:
        """Give the offset in a segment at which the line of a position may end."""
        for *place, offset in reversed(self._places):
            if place == [segment, position]:
                return offset
        return None
