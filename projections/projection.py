"""What a projection is: a named, versioned fold whose result is kept as rows.

Implementors choose one file per projection, in this order: the tables, the state, ``initial``,
``evolve``, and how the state becomes rows. Everything else (reading, batches, checkpoints,
rebuilds, the comparison with the log) is done for all of them alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from ledger.line.replayed import ReplayedEvent
from projections.errors import ProjectionInvalid

__all__ = ["ENDS", "Projection", "Row", "check_parts", "check_projections"]

ENDS = frozenset({"run_ended", "run_imported"})
"""Types after which a run's state is no longer kept; a later event folds it again."""

Row = tuple[str, tuple[object, ...]]
"""The name of a table, and the values of its columns after ``run``."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NEEDED = ("name", "version", "state_type", "tables", "indexes", "initial", "evolve", "rows")
State = TypeVar("State")


class Projection(Protocol[State]):
    """A fold over each run's events, and the tables its results are kept in.

    ``initial``, ``evolve`` and ``rows`` are pure: values in, values out; no clock, file or random
    number. The state is a frozen ``msgspec.Struct`` or dataclass, so that it can be stored.

    Attributes:
        name: lower-case letters, digits and ``_``; the tables are called this, or begin with it
            and ``_``.
        version: another version is rebuilt, never migrated; raise it with every change of meaning.
        state_type: the class of the state.
        tables: SQL that makes the tables. Each begins with the column ``run INTEGER``, which the
            engine fills: the position of the run's first event. Rows are found and replaced by it,
            so it comes first in the primary key.
        indexes: SQL for what a rebuild makes when all rows are in: indexes, triggers, and what
            triggers keep.
    """

    name: str
    version: int
    state_type: type[State]
    tables: str
    indexes: str

    def initial(self, run_id: str) -> State:
        """Give the state of a run of which nothing is known yet."""

    def evolve(self, state: State, event: ReplayedEvent) -> State:
        """Give the state after one more event of the run."""

    def rows(self, state: State) -> Iterable[Row]:
        """Give all rows of a run."""


def check_parts(place: str, made: Any) -> Projection[Any]:  # noqa: ANN401 - whatever a package names
    """Give what a package offers at ``place``, if it is a projection.

    Raises:
        ProjectionInvalid: it has not all that one has, or is the class of one.
    """
    missing = [name for name in _NEEDED if not hasattr(made, name)]
    if missing:
        raise ProjectionInvalid(place, f"it has no {', '.join(missing)}")
    if isinstance(made, type):
        raise ProjectionInvalid(place, "it is a class: give an instance")
    projection: Projection[Any] = made
    return projection


def check_projections(projections: Sequence[Projection[Any]]) -> None:
    """Check that the names are names, and that no projection can take another one's tables.

    Raises:
        ProjectionInvalid: names the projection and what to change.
    """
    names = [str(projection.name) for projection in projections]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ProjectionInvalid(
                name, "a name is lower-case letters, digits and _, and begins with a letter"
            )
        taken = [other for other in names if name == other or name.startswith(f"{other}_")]
        if len(taken) > 1:
            raise ProjectionInvalid(name, f"its tables could be those of {min(taken, key=len)}")
    for projection in projections:
        if type(projection.version) is not int or projection.version < 1:
            raise ProjectionInvalid(projection.name, "its version is not a whole number from 1 up")
        for table, widths in getattr(projection, "widths", {}).items():
            if not all(type(width) is int and width > 0 for width in widths):
                raise ProjectionInvalid(projection.name, f"the widths of {table} are no seconds")
            if any(wide % narrow for narrow, wide in pairwise(widths)):
                reason = f"of the widths of {table} each must be a multiple of the one before"
                raise ProjectionInvalid(projection.name, reason)
