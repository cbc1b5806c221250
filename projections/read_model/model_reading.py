"""Ask the read model: of one state of it, which has caught up with the log, and has a position."""

from __future__ import annotations

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ledger import LogReader
from ledger.disk.fork_safety import forget_in_children
from projections.engine.projector import PATIENCE, Projector
from projections.errors import ProjectionBehind, QuestionTooLong, ReadModelUnusable
from projections.read_model.read_model import PAGE, is_broken, read_checkpoint

__all__ = ["Answer", "ModelReading"]

_LOOKS = 5
# Of SQLite's machine: about a millisecond, so that a look at the clock costs nothing.
_STEPS = 50_000
# Enough for the pages that lists are found by; what is served is read once and let go.
_CACHE = "PRAGMA cache_size = -131072"

Answer = TypeVar("Answer")
_Place = tuple[int, ...]


class ModelReading:
    """Reads the read model of one ledger. Safe to share between threads and with forks."""

    def __init__(
        self, reader: LogReader, *, patience: float = PATIENCE, longest: float = math.inf
    ) -> None:
        """Read the model of the log that ``reader`` reads; nothing is opened before it is asked.

        Args:
            reader: of the log.
            patience: seconds to wait for another process that is projecting.
            longest: seconds that the answer to a question may take in the model.
        """
        self._reader = reader
        self._projector = Projector(reader, patience=patience)
        self._pointer = os.fspath(self._projector.models.path / "current")
        self._longest = longest
        self._deadline = math.inf
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._path: Path | None = None
        self._place: tuple[_Place, _Place] | None = None
        self._inherited: sqlite3.Connection | None = None
        forget_in_children(self)

    def ask(
        self, question: Callable[[sqlite3.Connection, int], Answer], *, least: int | None = None
    ) -> Answer:
        """Answer from one state of the model; the question is given that state's position.

        A model that cannot be read is built anew, and asked once more.

        Args:
            question: what is asked.
            least: the position that the state must have reached; None is all that is durable.

        Raises:
            QuestionTooLong: the answer took longer than it may.
            ReadModelUnusable: the model can be neither read nor built.
        """
        with self._guard:
            try:
                return self._ask(question, least)
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                    raise QuestionTooLong(self._longest) from None
                raise ReadModelUnusable(self._projector.models.path, str(error)) from error

    def _ask(
        self, question: Callable[[sqlite3.Connection, int], Answer], least: int | None
    ) -> Answer:
        try:
            return self._answer(question, least)
        except BaseException as error:
            broken = self._path
            self._disconnect()
            if broken is None or not is_broken(error):
                raise
        self._projector.replace_broken(broken)
        return self._answer(question, least)

    def _answer(
        self, question: Callable[[sqlite3.Connection, int], Answer], least: int | None
    ) -> Answer:
        connection, position = self._begin(self._reader.position if least is None else least)
        self._deadline = time.monotonic() + self._longest
        try:
            return question(connection, position)
        finally:
            self._deadline = math.inf
            connection.rollback()

    def _begin(self, target: int) -> tuple[sqlite3.Connection, int]:
        """Begin to read one state of a model that has caught up to a position, and give its own.

        One look is not always enough: another process may just have switched to a generation that
        is still behind, or somebody may have removed the file.
        """
        position = 0
        for _ in range(_LOOKS):
            connection = self._connect()
            if connection is not None:
                connection.execute("BEGIN")
                position = self._position(connection, target)
                if position >= target:
                    return connection, position
                connection.rollback()
            self._projector.catch_up(target)
        raise ProjectionBehind(position, target, None)

    def _connect(self) -> sqlite3.Connection | None:
        """Follow a switch of generation; give None where there is no model that can be used."""
        if self._connection is None or self._place != (self.pointed(), self._file(self._path)):
            self._disconnect()
            # Taken first: a switch in between is seen by the next question.
            pointed = self.pointed()
            path = self._projector.models.current()
            place = pointed, self._file(path)
            self._connection = None if path is None else self._projector.open_to_read(path)
            if self._connection is not None:
                self._connection.execute(_CACHE)
                if self._longest < math.inf:
                    self._connection.set_progress_handler(self._is_too_long, _STEPS)
            self._path, self._place = path, place
        return self._connection

    def _is_too_long(self) -> bool:
        return time.monotonic() > self._deadline

    def pointed(self) -> _Place:
        """Tell the pointer from one that was put in its place."""
        try:
            found = os.stat(self._pointer)  # noqa: PTH116 - asked each time, and several times as quick
        except OSError:
            return ()
        return found.st_ino, found.st_mtime_ns

    def _file(self, path: Path | None) -> _Place:
        """Tell the model from another one of the same name, and from one that was cut."""
        try:
            found = os.stat(path or "")  # noqa: PTH116 - likewise
        except OSError:
            return ()
        return found.st_dev, found.st_ino, found.st_size % PAGE, min(found.st_size, 1)

    def _position(self, connection: sqlite3.Connection, target: int) -> int:
        checkpoint = read_checkpoint(connection)
        if checkpoint is None or self._path is None:
            return 0
        if self._projector.is_outgrown(checkpoint):
            return 0
        if checkpoint.position > target:
            # The log has grown since it was asked for its position, or it was cut.
            self._projector.check_same_log(self._path, checkpoint)
        return checkpoint.position

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._path = self._place = None

    def forget_in_child(self) -> None:
        """In a forked child: leave the parent's connection alone; the next question opens one."""
        self._inherited, self._connection = self._connection, None
        self._place = None
        self._guard = threading.Lock()

    def look_again(self) -> None:
        """Have the next question look at the model as if it were the first."""
        with self._guard:
            self._disconnect()
            self._projector.close()

    def close(self) -> None:
        """Let go of the connection. Closing twice does nothing."""
        self.look_again()
