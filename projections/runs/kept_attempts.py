"""The attempts of a run as its state keeps them: in blocks, so that a long run is no slow one.

A state is never changed, only replaced. If all attempts were one tuple, each event would copy as
many as there were before it; in blocks it copies one block, and the list of the blocks before.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from ledger.events import ErrorInfo
from ledger.line.replayed import struct_of
from projections.runs.run_summary import AttemptResult

__all__ = ["AttemptState", "Attempts"]

if TYPE_CHECKING:
    _Error: TypeAlias = Any
else:
    _Error = struct_of(ErrorInfo)

_BLOCK = 64


class AttemptState(msgspec.Struct, frozen=True, gc=False):
    """One try of a stage, as ``Attempt`` serves it."""

    stage: str
    attempt: int
    started_at: str
    ended_at: str | None = None
    duration_seconds: float | None = None
    result: AttemptResult | None = None
    will_retry: bool = False
    error: _Error | None = None
    metrics: dict[str, Any] = {}
    output_tail: str | None = None
    position: int = 0


class Attempts(msgspec.Struct, frozen=True, gc=False):
    """All attempts of a run, in the order in which they started.

    Attributes:
        earlier: full blocks of attempts.
        latest: those behind them.
    """

    earlier: tuple[tuple[AttemptState, ...], ...] = ()
    latest: tuple[AttemptState, ...] = ()

    def all(self) -> tuple[AttemptState, ...]:
        """Give them as one."""
        return (*chain.from_iterable(self.earlier), *self.latest) if self.earlier else self.latest

    def with_begun(self, attempt: AttemptState) -> Attempts:
        """Add one behind the others."""
        if len(self.latest) < _BLOCK:
            return Attempts(self.earlier, (*self.latest, attempt))
        return Attempts((*self.earlier, self.latest), (attempt,))

    def last_of(self, stage: str) -> AttemptState:
        """Give the last attempt of a stage, which has one."""
        block, place = self._place_of(stage)
        return block[place]

    def with_closed(self, attempt: AttemptState) -> Attempts:
        """Put one in the place of the attempt that it has closed, the last of its stage."""
        if self.latest[-1].stage == attempt.stage:
            return Attempts(self.earlier, (*self.latest[:-1], attempt))
        block, place = self._place_of(attempt.stage)
        changed = block[:place] + (attempt,) + block[place + 1 :]  # noqa: RUF005 - twice as quick
        if block is self.latest:
            return Attempts(self.earlier, changed)
        earlier = tuple([changed if one is block else one for one in self.earlier])
        return Attempts(earlier, self.latest)

    def _place_of(self, stage: str) -> tuple[tuple[AttemptState, ...], int]:
        """Find the last attempt of a stage: its block, and its place there.

        The open attempt is among the last, however many a long run has behind it.
        """
        block = self.latest
        if block[-1].stage == stage:
            return block, -1 + len(block)
        for block in (self.latest, *reversed(self.earlier)):
            for place in range(len(block) - 1, -1, -1):
                if block[place].stage == stage:
                    return block, place
        raise LookupError(stage)
