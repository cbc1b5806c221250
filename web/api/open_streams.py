"""How many streams may be open, so that those left open do not take what other callers need."""

from __future__ import annotations

from collections import Counter

from web.problems import Failure, Refused

__all__ = ["TOO_MANY_IN_ALL", "TOO_MANY_OF_ONE", "OpenStreams"]

TOO_MANY_OF_ONE = Failure(429, "too-many-streams", "Too many streams of one address")
TOO_MANY_IN_ALL = Failure(503, "no-streams-left", "No stream is left")
_RETRY = {"Retry-After": "5"}


class OpenStreams:
    """Counts the streams that are open. Lives on one event loop."""

    def __init__(self, *, in_all: int = 800, of_one: int = 200) -> None:
        """Allow so many in all, which leaves connections to others, and so many of one address."""
        self._in_all = in_all
        self._of_one = of_one
        self._open: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.total()

    def enter(self, address: str) -> None:
        """Count one more.

        Raises:
            Refused: there are as many as may be.
        """
        if self._open[address] >= self._of_one:
            detail = f"{self._of_one} streams of this address are open; close some."
            raise Refused(TOO_MANY_OF_ONE.problem(detail), _RETRY)
        if self.count >= self._in_all:
            detail = f"{self._in_all} streams are open; try again later."
            raise Refused(TOO_MANY_IN_ALL.problem(detail), _RETRY)
        self._open[address] += 1

    def leave(self, address: str) -> None:
        """Count one less."""
        self._open[address] -= 1
        self._open += Counter()
