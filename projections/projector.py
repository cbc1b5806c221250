"""The projector: reads after the checkpoint, folds, and commits rows and checkpoint together.

One at a time, under a lock of its own. Whoever needs a fresh view either projects, or waits for
the process that is projecting.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from ledger import LogReader, RecordedEvent
from ledger.codec import ZERO_HASH
from ledger.errors import LedgerDamaged, LedgerReplaced
from ledger.lock import holder_of, open_lock_file, try_flock
from ledger.machine import boot_id
from ledger.plain_values import utc_text
from ledger.sound_reading import OutOfReach
from projections.errors import ProjectionBehind, ReadModelOfAnotherLog, ReadModelUnusable
from projections.out_of_reach import note_out_of_reach
from projections.queries import query
from projections.read_model import VERSION, Checkpoint, ReadModels, is_broken, read_checkpoint
from projections.run_summary import RunState, evolve, initial, summarize
from projections.stored_state import decode_state, encode_state

__all__ = ["PATIENCE", "Projector"]

PATIENCE = 60.0
"""Seconds to wait for another process that is projecting."""

_BATCH = 5_000
_LOOK_AGAIN = 0.003


class Projector:
    """Keeps the read model of one ledger up to its log."""

    def __init__(
        self, reader: LogReader, *, patience: float = PATIENCE, batch: int = _BATCH
    ) -> None:
        """Project the log that ``reader`` reads.

        Args:
            reader: of the log.
            patience: seconds to wait for another process that is projecting.
            batch: how many events are folded in one transaction.
        """
        self._reader = reader
        self._patience = patience
        self._batch = batch
        self.models = ReadModels.of(reader.folder)

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
            os.close(fd)

    def position(self) -> int:
        """Give the checkpoint of the current model; 0 where there is none that can be used."""
        path = self.models.current()
        checkpoint = None if path is None else self._checkpoint_in(path)
        return checkpoint.position if checkpoint else 0

    def _project(self) -> None:
        path = self.models.current()
        checkpoint = None if path is None else self._checkpoint_in(path)
        if path is None or checkpoint is None:
            self.build_next()
            return
        self.check_same_log(path, checkpoint)
        try:
            with self.models.writing(path) as connection:
                self._apply(connection, checkpoint)
        except (sqlite3.DatabaseError, ValidationError) as error:
            if not is_broken(error):
                raise
            self.build_next()

    def _checkpoint_in(self, path: Path) -> Checkpoint | None:
        try:
            with closing(self.models.reading(path)) as connection:
                return self._usable_checkpoint(connection)
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
            checkpoint = self._usable_checkpoint(connection)
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
        same = checkpoint.ledger_id == self._reader.folder.identity().ledger_id
        return checkpoint if same else None

    def check_same_log(self, path: Path, checkpoint: Checkpoint) -> None:
        """Compare the log at the checkpoint with what the model was built on.

        Raises:
            ReadModelOfAnotherLog: they differ, or the log does not reach that far any more.
        """
        mark = self._reader.mark()
        if checkpoint.position > mark.position and mark.boot_id not in ("", boot_id()):
            # A power cut can set the mark back; whoever next opens the log to write moves it on.
            return
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
        """Build the next generation from the whole log, and switch to it. Needs the lock."""
        path = self.models.next()
        ledger_id = self._reader.folder.identity().ledger_id
        checkpoint = Checkpoint(VERSION, ledger_id, 0, ZERO_HASH)
        self.models.create(path, checkpoint)
        with self.models.writing(path) as connection:
            self._apply(connection, checkpoint)
        self.models.switch_to(path)
        return path

    def _apply(self, connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
        """Fold what lies after the checkpoint, and move the checkpoint with the rows."""
        items = self._items(checkpoint.position)
        while batch := list(itertools.islice(items, self._batch)):
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                if read_checkpoint(connection) != checkpoint:
                    # Somebody projects without this lock, whose file was removed: leave it to them.
                    return
                events = [item for item in batch if isinstance(item, RecordedEvent)]
                note_out_of_reach(connection, batch)
                _fold_batch(connection, events)
                checkpoint = _moved(checkpoint, batch)
                values = (checkpoint.position, checkpoint.leaf, checkpoint.read_position)
                connection.execute(query("move_checkpoint"), values)

    def _items(self, after: int) -> Iterator[RecordedEvent | OutOfReach]:
        """Read on after a position; over damage, what is sound and what is out of reach."""
        try:
            for event in self._reader.read(after):
                after = event.position
                yield event
        except (LedgerDamaged, LedgerReplaced):
            yield from self._reader.read_sound(after)


def _moved(checkpoint: Checkpoint, batch: Iterable[RecordedEvent | OutOfReach]) -> Checkpoint:
    """Move the checkpoint behind a batch."""
    position, last = checkpoint.position, None
    for item in batch:
        if isinstance(item, RecordedEvent):
            position, last = item.position, item
        else:
            position = max(position, item.last)
    if last is None:
        return replace(checkpoint, position=position)
    return replace(checkpoint, position=position, leaf=last.leaf, read_position=last.position)


def _fold_batch(connection: sqlite3.Connection, events: Iterable[RecordedEvent]) -> None:
    """Take a batch of events into the rows of the runs they belong to."""
    states: dict[str, RunState] = {}
    results: dict[str, str | None] = {}
    for event in events:
        run_id = event.run_id
        if run_id is None:
            continue
        if run_id not in states:
            states[run_id], results[run_id] = _read_state(connection, run_id)
        states[run_id] = evolve(states[run_id], event)
    for run_id, state in states.items():
        _put_run(connection, state, results[run_id])


def _read_state(connection: sqlite3.Connection, run_id: str) -> tuple[RunState, str | None]:
    """Read a run's state and the result it is counted under; None where it is not counted yet."""
    row = connection.execute(query("read_state"), (run_id,)).fetchone()
    if row is None:
        return initial(run_id), None
    return decode_state(row[0]), row[1]


def _put_run(connection: sqlite3.Connection, state: RunState, counted_as: str | None) -> None:
    summary = summarize(state)
    detail = summary.model_dump_json(exclude={"attempts"})
    attempts = summary.model_dump_json(include={"attempts"})
    started_at = utc_text(summary.started_at) if summary.started_at else ""
    connection.execute(
        query("put_run"),
        (
            summary.run_id,
            started_at,
            summary.started_position,
            summary.result,
            summary.pipeline,
            detail,
            attempts.removeprefix('{"attempts":').removesuffix("}"),
            encode_state(state),
        ),
    )
    result = summary.result or ""
    if counted_as != result:
        connection.execute(query("count_run"), (result, 1))
        if counted_as is not None:
            connection.execute(query("count_run"), (counted_as, -1))
