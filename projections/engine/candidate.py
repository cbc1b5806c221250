"""A candidate: a model folded anew beside the current one, to compare it, or to promote it.

It lies in a folder of its own beside the generations, is never current, and is removed in the end.
What one that was killed has left, the next removes. One at a time, under a lock of its own: each
takes as much disk as the model. Nobody is kept from projecting meanwhile.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ledger import LogReader
from ledger.disk.lock import close_lock, holder_of, open_lock_file, try_flock
from projections.engine.parallel_fold import PART
from projections.engine.projector import Projector
from projections.engine.rebuilding import Progress, build
from projections.errors import CandidateBusy, ProjectionFailed, ReadModelUnusable
from projections.projection import Projection
from projections.read_model.current_model import errors_of_ours, snapshot
from projections.read_model.read_model import ReadModels
from projections.read_model.row_store import parked_events

__all__ = ["candidate", "promote", "reading_candidate", "rebuild"]


@contextmanager
def candidate(
    reader: LogReader,
    live: ReadModels,
    projections: Sequence[Projection[Any]],
    until: int,
    *,
    strict: bool,
    progress: Progress,
    alone: bool = False,
) -> Iterator[Projector]:
    """Fold the log up to a position into a model beside the generations in ``live``.

    Args:
        reader: of the log.
        live: where the current model lies.
        projections: what to project.
        until: the last position to fold.
        strict: raise where a projection fails, instead of parking the event.
        progress: is told how far it is.
        alone: fold in this process only, whose code another process might not find.

    Yields:
        What keeps the candidate; its only generation is complete.

    Raises:
        CandidateBusy: there is another one just now.
        ProjectionFailed: a projection could not take an event, and this is strict.
        ReadModelUnusable: it cannot be written.
    """
    with _one_at_a_time(live), errors_of_ours(live.path):
        place = ReadModels(live.path / "candidate")
        try:
            # Left by one that was killed.
            shutil.rmtree(place.path, ignore_errors=True)
            place.path.mkdir()
            part = until + 1 if alone else PART
            place.switch_to(
                build(reader, place, projections, progress, until=until, strict=strict, part=part)
            )
            yield Projector(reader, projections=projections, models=place)
        finally:
            shutil.rmtree(place.path, ignore_errors=True)


@contextmanager
def _one_at_a_time(live: ReadModels) -> Iterator[None]:
    try:
        live.path.mkdir(parents=True, exist_ok=True)
        fd = open_lock_file(live.path / "candidate.lock")
    except OSError as error:
        raise ReadModelUnusable(live.path, str(error)) from error
    try:
        if not try_flock(fd):
            raise CandidateBusy(live.path, holder_of(fd))
        yield
    finally:
        close_lock(fd)


@contextmanager
def reading_candidate(made: Projector) -> Iterator[sqlite3.Connection]:
    """Open a candidate as it is now."""
    with snapshot(made.models.reading(_file_of(made))) as connection:
        yield connection


def _file_of(made: Projector) -> Path:
    path = made.models.current()
    if path is None:
        raise ReadModelUnusable(made.models.path, "the candidate is gone")
    return path


def promote(reader: LogReader, live: Projector, made: Projector) -> Path:
    """Bring a candidate up to the log, and make it the current generation; give its new place.

    Nobody may be reading the candidate. Raises what ``Projector.catch_up`` raises, and:

    Raises:
        ProjectionFailed: a projection could not take what came since; the live model stays.
    """
    with live.alone(), errors_of_ours(live.models.path):
        made.catch_up(reader.position)
        made.close()
        path = _file_of(made)
        _check_took_all(made, path)
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            # Without it the file is not whole, and under another name it would not be found.
            raise ReadModelUnusable(made.models.path, f"{log.name} was not taken in")
        following = live.models.next()
        path.rename(following)
        live.models.switch_to(following)
    return following


def rebuild(
    reader: LogReader, live: Projector, progress: Progress = lambda _reached, _last: None
) -> Path:
    """Build the next generation beside the live one, then switch to it; give its file.

    The live model is read and kept up to the log meanwhile, so that no read waits for the build.

    Args:
        reader: of the log.
        live: what keeps the current model.
        progress: told how far the build has come.

    Raises what ``candidate`` and ``promote`` raise.
    """
    folded = candidate(
        reader, live.models, live.projections, reader.position, strict=True, progress=progress
    )
    with folded as made:
        return promote(reader, live, made)


def _check_took_all(made: Projector, path: Path) -> None:
    # Not read-only: who closes a model last takes in its write-ahead log, which a reader cannot.
    with closing(made.models.connect_to_write(path)) as connection:
        for parked in parked_events(connection)[:1]:
            raise ProjectionFailed(parked.projection, parked.position, parked.error)
