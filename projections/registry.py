"""The projections there are: ours, and those that installed packages offer.

A package offers one by the entry-point group ``runfold.projections``, whose entries name a class
without parameters or an instance.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from projections.errors import ProjectionInvalid
from projections.failures.failure_rows import FailureRows
from projections.projection import Projection, check_parts, check_projections
from projections.runs.run_rows import RunRows
from projections.statistics.statistics_rows import StatisticsRows

__all__ = ["GROUP", "load_projection", "registered"]

GROUP = "runfold.projections"


@cache
def registered() -> tuple[Projection[Any], ...]:
    """Give ours first, then those of installed packages by their names.

    Raises:
        ProjectionInvalid: one cannot be loaded; names its entry point.
    """
    offered = [_load(entry) for entry in entry_points(group=GROUP)]
    ours: tuple[Projection[Any], ...] = (RunRows(), FailureRows(), StatisticsRows())
    found = (*ours, *sorted(offered, key=lambda projection: str(projection.name)))
    check_projections(found)
    return found


def load_projection(place: str) -> Projection[Any]:
    """Load the projection that ``module:Class`` names.

    Raises:
        ProjectionInvalid: there is none, or it is not a projection.
    """
    module, colon, name = place.partition(":")
    if not colon or not module or not name:
        raise ProjectionInvalid(place, "name it as module:Class")
    try:
        found = _made(getattr(import_module(module), name))
    except Exception as error:
        raise ProjectionInvalid(place, f"it cannot be loaded: {error}") from error
    return check_parts(place, found)


def _load(entry: EntryPoint) -> Projection[Any]:
    try:
        found = _made(entry.load())
    except Exception as error:
        reason = f"the entry point {entry.name} cannot be loaded: {error}"
        raise ProjectionInvalid(entry.value, reason) from error
    return check_parts(entry.value, found)


# Code of somebody else runs here, which may raise anything: it is told as what it is.
def _made(found: Any) -> Any:  # noqa: ANN401 - whatever a package names
    return found() if isinstance(found, type) else found
