"""See what changed projections would change, before it changes; and switch to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ledger import LogReader
from projections.checking.kept_tables import KeptDifference, kept_differences
from projections.checking.model_comparison import SAMPLES, Comparison, compare
from projections.engine.candidate import candidate, promote, reading_candidate
from projections.engine.projector import Projector
from projections.engine.rebuilding import Progress
from projections.errors import NothingToCompare, ProjectionNotInstalled
from projections.projection import Projection, check_projections
from projections.read_model.current_model import CurrentModel, reading_current
from projections.read_model.row_store import projected
from projections.registry import registered

__all__ = ["Preview", "preview"]


class Preview(msgspec.Struct, frozen=True):
    """What a candidate holds otherwise than the current read model.

    Attributes:
        equal: whether nothing differs; a projection that is new has nothing to differ from.
        generation: the model that was compared with.
        position: up to where it was built, and the candidate folded.
        projections: each that either of them has; ``old`` is the model, ``new`` the candidate.
        kept: tables beside the rows of runs that differ: tallies, and what triggers keep.
        promoted: the generation that the candidate has become; None where it was removed.
    """

    equal: bool
    generation: str
    position: int
    projections: tuple[Comparison, ...]
    kept: tuple[KeptDifference, ...] = ()
    promoted: str | None = None


def preview(
    folder: Path | str,
    *,
    given: Sequence[Projection[Any]] = (),
    installed: Sequence[Projection[Any]] | None = None,
    switch: bool = False,
    samples: int | None = SAMPLES,
    progress: Progress = lambda _reached, _last: None,
) -> Preview:
    """Fold a candidate beside the current model, up to where that stands, and compare the two.

    Args:
        folder: the data folder.
        given: projections that take the place of installed ones of their names, or are added.
        installed: what there is; None is all that are registered.
        switch: promote the candidate in the end.
        samples: how many differences of each field to keep; None is all.
        progress: is told how far the folding is.

    Raises:
        LedgerNotFound: there is no ledger.
        NothingToCompare: there is no model yet, or none that this version can read.
        ProjectionFailed: a projection could not take an event; names the position.
        ProjectionInvalid: names or tables of the projections are not right.
        ProjectionNotInstalled: the candidate cannot be promoted, as nobody could go on with it.
        LedgerError: what a candidate raises.
    """
    installed = registered() if installed is None else installed
    projections = _replaced(installed, given)
    if switch:
        _check_installed(given, installed)
    reader = LogReader(folder)
    live = Projector(reader, projections=projections)
    with reading_current(reader, live) as current:
        if current is None:
            raise NothingToCompare(live.models.path)
        until = current.checkpoint.position
        with candidate(
            reader,
            live.models,
            projections,
            until,
            strict=True,
            progress=progress,
            alone=bool(given),
        ) as made:
            found, kept = _compared(current, made, samples)
            promoted = promote(reader, live, made).stem if switch else None
    return Preview(
        equal=all(each.equal or each.old is None for each in found) and not kept,
        generation=current.generation,
        position=until,
        projections=found,
        kept=kept,
        promoted=promoted,
    )


def _replaced(
    installed: Sequence[Projection[Any]], given: Sequence[Projection[Any]]
) -> tuple[Projection[Any], ...]:
    check_projections(given)
    replaced = {projection.name: projection for projection in (*installed, *given)}
    check_projections(tuple(replaced.values()))
    return tuple(replaced.values())


def _check_installed(
    given: Sequence[Projection[Any]], installed: Sequence[Projection[Any]]
) -> None:
    known = {projection.name: projection for projection in installed}
    for projection in given:
        same = known.get(projection.name)
        if type(same) is not type(projection) or same.version != projection.version:
            raise ProjectionNotInstalled(projection.name, projection.version)


def _compared(
    current: CurrentModel, made: Projector, samples: int | None
) -> tuple[tuple[Comparison, ...], tuple[KeptDifference, ...]]:
    with reading_candidate(made) as connection:
        here = current.connection
        held, folded = projected(here), projected(connection)
        names = sorted(held | folded)
        found = tuple(compare(here, connection, name, samples=samples) for name in names)
        both = [name for name in names if name in held and name in folded]
        kept = tuple(each for name in both for each in kept_differences(here, connection, name))
    return found, kept
