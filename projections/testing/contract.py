"""The laws that every projection keeps, and the error that says which one is broken, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["LAWS", "ContractBroken"]

LAWS: Mapping[str, str] = {
    "total": "evolve and rows take every event there may be, and never raise",
    "pure": "initial, evolve and rows change nothing they are given",
    "deterministic": "the same state and event always come to the same",
    "plain": "a row fits its table, and its values are None, bool, int, float, str or bytes",
    "stored": "a state that was stored and read again goes on as if it had not been",
    "duplicates": "an event that was folded before changes nothing",
    "unknown types": "an event whose type or version is not known changes nothing",
    "whole": "a model holds the rows that each run's own events come to",
    "rebuilt": "a model built from zero equals one that caught up",
    "incremental": "batches and chunks of any size come to the same as the whole log at once",
    "resumed": "who opens a model at any checkpoint goes on as the one who made it",
    "another process": "another process comes to the same rows",
}
"""Each law by its name, as the sentence that holds."""


@dataclass(eq=False)
class ContractBroken(AssertionError):
    """A projection breaks a law: the difference shows by what; mend the projection.

    Attributes:
        projection: its name.
        law: one of ``LAWS``.
        run_id: the run in which it shows; None where it shows in no single one.
        position: that of the event at which it shows; 0 where it shows at no single one.
        difference: what was expected and what was found.
    """

    projection: str
    law: str
    run_id: str | None
    position: int
    difference: str

    def __str__(self) -> str:
        run = f" in run {self.run_id}" if self.run_id is not None else ""
        place = f" at position {self.position}" if self.position else ""
        return (
            f"the projection {self.projection} breaks the law '{self.law}'"
            f" ({LAWS[self.law]}){run}{place}: {self.difference}"
        )
