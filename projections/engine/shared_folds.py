"""The folds of some projections: those that have the same ``initial`` and ``evolve`` share one.

The summary of a run and its failures, say, are two views of one state. It is folded once, and kept
once while the run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ledger.line.replayed import ReplayedEvent
from projections.projection import Projection

__all__ = ["Fold", "SharedFolds"]


class Fold(NamedTuple):
    """A fold, under the name of the first projection that has it, and the places of all."""

    name: str
    initial: Callable[[str], Any]
    evolve: Callable[[Any, ReplayedEvent], Any]
    users: list[int]


class SharedFolds:
    """The different folds of some projections.

    Attributes:
        folds: each of them.
        places: for each projection the place of its fold.
    """

    def __init__(self, projections: Sequence[Projection[Any]]) -> None:
        """Find which of the projections fold alike."""
        self.folds: list[Fold] = []
        self.places: list[int] = []
        for at, projection in enumerate(projections):
            steps = projection.initial, projection.evolve
            alike = [fold[1:3] == steps for fold in self.folds]
            place = alike.index(True) if True in alike else len(self.folds)
            if place == len(self.folds):
                self.folds.append(Fold(projection.name, *steps, []))
            self.folds[place].users.append(at)
            self.places.append(place)

    def for_each(self, states: Sequence[Any]) -> list[Any]:
        """Give the state of each projection, of those of the folds."""
        return [states[place] for place in self.places]

    def initial(self, run_id: str) -> list[Any]:
        """Give the states of a run of which nothing is known yet: one for each fold."""
        return [fold.initial(run_id) for fold in self.folds]
