"""Build the next generation of a read model from the whole log, beside the live one."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from ledger import LogReader
from ledger.line.codec import ZERO_HASH, leaf_hash
from ledger.line.replayed import decode_together
from projections.engine.fold_worker import FoldedPart
from projections.engine.folding import REFUSED, Folding
from projections.engine.parallel_fold import (
    PART,
    PART_HERE,
    WorkerFailed,
    folded_here,
    folded_parts,
    worth_it,
)
from projections.engine.sound_replay import pieces, refold
from projections.failures.acknowledgements import note_acknowledgements
from projections.projection import Projection
from projections.read_model.queries import query
from projections.read_model.read_model import VERSION, Checkpoint, ReadModels
from projections.read_model.row_store import RowStore

__all__ = ["Progress", "build"]

Progress = Callable[[int, int], None]
"""Told the position that a build has reached, and the one it goes to."""


def build(
    reader: LogReader,
    models: ReadModels,
    projections: Sequence[Projection[Any]],
    progress: Progress = lambda _reached, _last: None,
    *,
    until: int | None = None,
    strict: bool = True,
    part: int = PART,
) -> Path:
    """Build a model of all that is durable now, which is not current yet; give its file.

    The caller holds the projector's lock. What an interrupted build leaves, the next removes.

    Args:
        reader: of the log.
        models: where the file goes.
        projections: what to project.
        progress: is told how far it is.
        until: the last position to fold; None is the durable mark.
        strict: raise where a projection fails, instead of parking the event.
        part: how many events a worker folds at a time; a log of a few parts needs no workers, and
            a shorter one is folded event by event.

    Raises:
        ProjectionFailed: a projection could not take an event; names the position.
        ProjectionInvalid: the SQL of a projection is not right.
    """
    last = reader.position if until is None else min(until, reader.position)
    plan = _Plan(reader, models, projections, progress, last, strict, part)
    try:
        with _collector_off():
            return _build(plan, in_parts=True)
    except _PartRefused:
        return _build(plan, in_parts=False)


class _PartRefused(Exception):
    """A part cannot be taken in whole: only one who sees all in order can tell what is wrong.

    Two parts hold a beginning of the same run, or a table does not take a row.
    """


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to build, and how far."""

    reader: LogReader
    models: ReadModels
    projections: Sequence[Projection[Any]]
    progress: Progress
    last: int
    strict: bool
    part: int


def _build(plan: _Plan, *, in_parts: bool) -> Path:
    reader, projections, last, progress = plan.reader, plan.projections, plan.last, plan.progress
    checkpoint = Checkpoint(VERSION, reader.folder.identity().ledger_id, 0, ZERO_HASH)
    with plan.models.building(checkpoint, projections) as (path, connection):
        store = RowStore(connection, projections)
        folding = Folding(projections, store, lambda *run: refold(reader, *run), strict=plan.strict)
        if in_parts and last > plan.part:
            checkpoint = _take_parts(
                connection, folding, checkpoint, _parts(plan), lambda at: progress(at, last)
            )
        for piece in pieces(reader, checkpoint.position, until=last):
            folding.take(piece.events)
            piece.note_losses(connection)
            checkpoint = piece.move(checkpoint)
            progress(checkpoint.position, last)
        folding.write()
        values = (checkpoint.position, checkpoint.leaf, checkpoint.read_position)
        connection.execute(query("move_checkpoint"), values)
    return path


def _parts(plan: _Plan) -> Iterator[tuple[int, FoldedPart]]:
    if worth_it(plan.last, plan.projections, plan.part):
        return folded_parts(plan.reader.folder.path, plan.projections, 0, plan.last, plan.part)
    return folded_here(plan.reader, plan.projections, 0, plan.last, min(plan.part, PART_HERE))


def _take_parts(
    connection: sqlite3.Connection,
    folding: Folding,
    checkpoint: Checkpoint,
    parts: Iterator[tuple[int, FoldedPart]],
    progress: Callable[[int], None],
) -> Checkpoint:
    """Take in what was folded in parts, as far as they come; the rest is left to the caller."""
    try:
        for position, part in parts:
            try:
                folding.take_whole(part.runs, part.rows, part.tallies)
            except REFUSED as error:
                raise _PartRefused from error
            others = sorted(decode_together(part.others), key=attrgetter("position"))
            folding.take(others)
            note_acknowledgements(connection, others)
            leaf = leaf_hash(part.last_line)
            checkpoint = replace(checkpoint, position=position, leaf=leaf, read_position=position)
            progress(position)
    except WorkerFailed:
        # Damage, or a projection that fails: to be met again, and named, on the way of the caller.
        return checkpoint
    return checkpoint


@contextmanager
def _collector_off() -> Iterator[None]:
    """Let no garbage be looked for: what a build makes holds no cycles, and there is much of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
