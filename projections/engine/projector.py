"""The projector: reads after the checkpoint, folds, and commits rows and checkpoint together.

One at a time, under a lock of its own. Whoever needs a fresh view either projects, or waits for
the process that is projecting.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ledger import LogReader
from ledger.disk.fork_safety import forget_in_children
from ledger.disk.lock import close_lock, holder_of, open_lock_file, try_flock
from ledger.errors import LedgerDamaged, LedgerReplaced
from projections.engine.folding import Folding
from projections.engine.rebuilding import build
from projections.engine.sound_replay import Piece, pieces, refold
from projections.errors import (
    ProjectionBehind,
    ProjectionMissing,
    ReadModelOfAnotherLog,
    ReadModelUnusable,
)
from projections.projection import Projection
from projections.read_model.model_writing import ModelWriting
from projections.read_model.out_of_reach import ranges_of
from projections.read_model.queries import query
from projections.read_model.read_model import (
    VERSION,
    Checkpoint,
    ReadModels,
    is_broken,
    read_checkpoint,
)
from projections.read_model.row_store import RowStore, projected
from projections.registry import registered

__all__ = ["PATIENCE", "Projector"]

PATIENCE = 60.0
"""Seconds to wait for another process that is projecting."""

_BATCH = 20_000
_LOOK_AGAIN = 0.003


class Projector:
    """Keeps the read model of one ledger up to its log."""

    def __init__(
        self,
        reader: LogReader,
        *,
        projections: Sequence[Projection[Any]] | None = None,
        patience: float = PATIENCE,
        batch: int = _BATCH,
        models: ReadModels | None = None,
    ) -> None:
        """Project the log that ``reader`` reads.

        Args:
            reader: of the log.
            projections: what to project; None is all that are registered.
            patience: seconds to wait for another process that is projecting.
            batch: how many events are folded in one transaction.
            models: where the generations lie; None is the place that the ledger has for them.
        """
        self._reader = reader
        self._patience = patience
        self._batch = batch
        self._given = projections
        self._projections: tuple[Projection[Any], ...] | None = None
        self.models = models or ReadModels.of(reader.folder)
        self._writing = ModelWriting(self.models)
        forget_in_children(self)

    @property
    def projections(self) -> tuple[Projection[Any], ...]:
        """Tell what is projected; found out when it is needed, as a package may be broken."""
        # Without a lock, which a thread could hold for good in a forked child: twice does no harm.
        if self._projections is None:
            self._projections = tuple(registered() if self._given is None else self._given)
        return self._projections

    def catch_up(self, target: int) -> None:
        """Bring the current read model to a position, or wait until another process has.

        Raises:
            LedgerNotFound: the ledger is no longer there.
            ProjectionBehind: the other process did not get there in time.
            ReadModelOfAnotherLog: the log is not the one that the model was built from.
            ReadModelUnusable: the folder of the models cannot be written.
            LedgerDamaged: the log cannot be read that far.
        """
        with self._turn(lambda: self.position() >= target) as held:
            if held:
                self._project()

    def replace_broken(self, path: Path) -> None:
        """Build the next generation in the place of a current one that cannot be read.

        Raises what ``catch_up`` raises.
        """
        with self._turn(lambda: self.models.current() != path) as held:
            if held and self.models.current() == path:
                self.build_next()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody else from projecting meanwhile.

        Raises what ``catch_up`` raises.
        """
        with self._turn(lambda: False):
            yield

    @contextmanager
    def _turn(self, is_done: Callable[[], bool]) -> Iterator[bool]:
        """Wait for the lock, or until another process has done it; yield whether it is held."""
        # Asked again, as reading never makes a folder, not even in the place of one that was there.
        self._reader.folder.identity()
        try:
            self.models.path.mkdir(parents=True, exist_ok=True)
            fd = open_lock_file(self.models.lock)
        except OSError as error:
            raise ReadModelUnusable(self.models.path, str(error)) from error
        try:
            deadline = time.monotonic() + self._patience
            while not (held := try_flock(fd)) and not is_done():
                if time.monotonic() > deadline:
                    position = self.position()
                    raise ProjectionBehind(position, self._reader.position, holder_of(fd))
                time.sleep(_LOOK_AGAIN)
            yield held
        finally:
            close_lock(fd)

    def position(self) -> int:
        """Give the checkpoint of the current model; 0 where there is none that can be used."""
        path = self.models.current()
        checkpoint = None if path is None else self._checkpoint_in(path)
        return checkpoint.position if checkpoint else 0

    def _project(self) -> None:
        path = self.models.current()
        checkpoint = None if path is None else self._checkpoint_to_write(path)
        if path is None or checkpoint is None:
            self._writing.close()
            self.build_next()
            return
        try:
            with self._writing.writing(path, self.projections) as (connection, store):
                self._apply(connection, store, checkpoint, self._pieces_after(path, checkpoint))
        except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
            if not is_broken(error):
                raise
            self.build_next()

    def _checkpoint_to_write(self, path: Path) -> Checkpoint | None:
        """Read the checkpoint where it was read last; a model is opened to be read at first."""
        kept = self._writing.kept(path)
        return self._checkpoint_in(path) if kept is None else self._usable_checkpoint(kept)

    def _checkpoint_in(self, path: Path) -> Checkpoint | None:
        try:
            with closing(self.models.reading(path)) as connection:
                return self._opened_checkpoint(connection)
        except sqlite3.DatabaseError:
            return None

    def open_to_read(self, path: Path) -> sqlite3.Connection | None:
        """Open a model that is of this version and this ledger; None asks for a rebuild.

        Raises:
            ReadModelOfAnotherLog: the log is not the one that the model was built from.
        """
        try:
            connection = self.models.reading(path)
        except sqlite3.OperationalError:
            return None
        with ExitStack() as exits:
            exits.callback(connection.close)
            checkpoint = self._opened_checkpoint(connection)
            if checkpoint is None:
                return None
            self.check_same_log(path, checkpoint)
            exits.pop_all()
        return connection

    def _usable_checkpoint(self, connection: sqlite3.Connection) -> Checkpoint | None:
        """Read the checkpoint of a model of this version and ledger; None asks for a rebuild."""
        try:
            checkpoint = read_checkpoint(connection)
        except sqlite3.DatabaseError:
            return None
        if checkpoint is None or checkpoint.version != VERSION:
            return None
        if not self._holds_ours(projected(connection)):
            return None
        same = checkpoint.ledger_id == self._reader.folder.identity().ledger_id
        return checkpoint if same and not self.is_outgrown(checkpoint) else None

    def is_outgrown(self, checkpoint: Checkpoint) -> bool:
        """Tell whether a model took positions for lost that the log holds now.

        A repair of a log that had lost its end gives them out again, to other events.
        """
        at_end = checkpoint.read_position < checkpoint.position
        return at_end and self._is_there(checkpoint.read_position + 1)

    def _opened_checkpoint(self, connection: sqlite3.Connection) -> Checkpoint | None:
        """Do what ``_usable_checkpoint`` does; what was lost may have been restored since."""
        checkpoint = self._usable_checkpoint(connection)
        if checkpoint is None:
            return None
        try:
            lost = ranges_of(connection.execute(query("out_of_reach")))
        except sqlite3.DatabaseError:
            return None
        # One of no position stays where it is: bytes between two lines.
        is_back = any(self._is_there(each.first) for each in lost if each.count)
        return None if is_back else checkpoint

    def _is_there(self, position: int) -> bool:
        try:
            return any(True for _ in self._reader.read_lines(position - 1, position))
        except (LedgerDamaged, LedgerReplaced):
            return False

    def _holds_ours(self, held: dict[str, int]) -> bool:
        """Tell whether a model holds what is projected here; otherwise it is built anew.

        Raises:
            ProjectionMissing: it holds more than is known here.
        """
        ours = {projection.name: projection.version for projection in self.projections}
        for name, version in held.items():
            # Not a reason to build anew: newer code beside this one would do the same, in turns.
            if ours.get(name, 0) < version:
                raise ProjectionMissing(name, version)
        return held == ours

    def check_same_log(self, path: Path, checkpoint: Checkpoint) -> None:
        """Compare the log at the checkpoint with what the model was built on.

        Raises:
            ReadModelOfAnotherLog: they differ, or the log does not reach that far any more.
        """
        mark = self._reader.mark()
        try:
            leaf = self._reader.leaf_at(checkpoint.read_position)
        except LedgerDamaged:
            # What the model was built on then is served on; what follows shows what is lost.
            return
        except LedgerReplaced as error:
            if checkpoint.read_position <= mark.position:
                return
            raise ReadModelOfAnotherLog(path, checkpoint.position, error.reason) from None
        if leaf != checkpoint.leaf:
            reason = f"the leaf hash there is {leaf}, the model was built on {checkpoint.leaf}"
            raise ReadModelOfAnotherLog(path, checkpoint.position, reason)

    def build_next(self) -> Path:
        """Build the next generation because there is none to use, and switch to it. Needs the lock.

        What asks for it is a read, which must be answered: an event that a projection cannot take
        is parked, as it is when a live model meets it.
        """
        path = build(self._reader, self.models, self.projections, strict=False)
        self.models.switch_to(path)
        return path

    def _pieces_after(self, path: Path, checkpoint: Checkpoint) -> Iterator[Piece]:
        """Read on behind a checkpoint, if the model was built on this log.

        Mostly the first new line says so, by the leaf hash that it gives for the one before.

        Raises:
            ReadModelOfAnotherLog: it was not.
        """
        found = pieces(self._reader, checkpoint.position, at_most=self._batch)
        first = next(found, None)
        if first is None or first.prev != checkpoint.leaf:
            self.check_same_log(path, checkpoint)
        if first is not None:
            yield first
        yield from found

    def _apply(
        self,
        connection: sqlite3.Connection,
        store: RowStore,
        checkpoint: Checkpoint,
        found: Iterator[Piece],
    ) -> None:
        """Fold what lies after the checkpoint, and move the checkpoint with the rows."""
        folding = Folding(self.projections, store, lambda *run: refold(self._reader, *run))
        for piece in found:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                if read_checkpoint(connection) != checkpoint:
                    # Somebody projects without this lock, whose file was removed: leave it to them.
                    return
                folding.take(piece.events)
                folding.write()
                piece.note_losses(connection)
                checkpoint = piece.move(checkpoint)
                _move(connection, checkpoint)

    def forget_in_child(self) -> None:
        """In a forked child: leave the parent's connection alone."""
        self._writing.forget_in_child()

    def close(self) -> None:
        """Let go of the writing connection; the next catch-up opens one. Twice does nothing."""
        self._writing.close()


def _move(connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
    values = (checkpoint.position, checkpoint.leaf, checkpoint.read_position)
    connection.execute(query("move_checkpoint"), values)
