"""Show that the read model equals the log: fold the raw log again, and compare all that is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ledger import LogReader
from projections.checking.kept_tables import KeptDifference, kept_difference, kept_differences
from projections.checking.model_comparison import SAMPLES, Comparison, compare
from projections.engine.candidate import candidate, reading_candidate
from projections.engine.projector import Projector
from projections.engine.rebuilding import Progress
from projections.errors import ReadModelOfAnotherLog, ReadModelUnusable
from projections.projection import Projection
from projections.read_model.current_model import CurrentModel, reading_current
from projections.read_model.degraded import Degraded, degraded_of
from projections.read_model.queries import query
from projections.read_model.read_model import read_checkpoint

__all__ = ["DeepCheck", "check_deep"]


class DeepCheck(msgspec.Struct, frozen=True):
    """How the current read model compares with the log folded again.

    Attributes:
        equal: whether the model is what the log comes to, in every row, and lacks no event.
        generation: which model was compared.
        position: up to where it was built, and the log was folded.
        projections: each of them; ``old`` is the read model, ``new`` the log.
        kept: tables beside the rows that are not what the log comes to: those that triggers keep,
            like counts, and the acknowledgements.
        flaws: what is wrong with the file itself, like an index that lacks a row.
        degraded: projections that went on without an event they could not take.
    """

    equal: bool
    generation: str
    position: int
    projections: tuple[Comparison, ...]
    kept: tuple[KeptDifference, ...]
    flaws: tuple[str, ...]
    degraded: tuple[Degraded, ...]


def check_deep(
    folder: Path | str,
    *,
    projections: Sequence[Projection[Any]] | None = None,
    samples: int | None = SAMPLES,
    progress: Progress = lambda _reached, _last: None,
) -> DeepCheck:
    """Catch the read model up, fold the log again beside it, and compare the two.

    Args:
        folder: the data folder.
        projections: what to project; None is all that are registered.
        samples: how many differences of each field to keep; None is all.
        progress: is told how far the folding is.

    Raises:
        LedgerNotFound: there is no ledger.
        LedgerError: what a catch-up raises, or a candidate.
    """
    reader = LogReader(folder)
    live = Projector(reader, projections=projections)
    live.catch_up(reader.position)
    live.close()
    with reading_current(reader, live) as current:
        if current is None:
            raise ReadModelUnusable(live.models.path, "it is being replaced; try again")
        until = current.checkpoint.position
        with (
            candidate(
                reader, live.models, live.projections, until, strict=False, progress=progress
            ) as made,
            reading_candidate(made) as folded,
        ):
            _check_reached(current, folded)
            return _compared(current, folded, live.projections, samples)


def _check_reached(current: CurrentModel, folded: sqlite3.Connection) -> None:
    checkpoint = read_checkpoint(folded)
    reached = checkpoint.position if checkpoint else 0
    if reached != current.checkpoint.position:
        reason = f"the log reaches only to position {reached} now"
        raise ReadModelOfAnotherLog(current.path, current.checkpoint.position, reason)


def _compared(
    current: CurrentModel,
    folded: sqlite3.Connection,
    projections: Sequence[Projection[Any]],
    samples: int | None,
) -> DeepCheck:
    connection = current.connection
    names = [projection.name for projection in projections]
    found = tuple(compare(connection, folded, name, samples=samples) for name in names)
    kept = tuple(each for name in names for each in kept_differences(connection, folded, name))
    said = kept_difference(connection, folded, "acknowledgements")
    kept = kept if said is None else (*kept, said)
    flaws = tuple(text for (text,) in connection.execute("PRAGMA integrity_check(20)"))
    flaws = () if flaws == ("ok",) else flaws
    degraded = tuple(degraded_of(connection.execute(query("degraded"))))
    equal = all(each.equal and each.same_digest for each in found)
    return DeepCheck(
        equal=equal and not kept and not flaws and not degraded,
        generation=current.generation,
        position=current.checkpoint.position,
        projections=found,
        kept=kept,
        flaws=flaws,
        degraded=degraded,
    )
