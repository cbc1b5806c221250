"""Open the current read model as it is: not caught up, and of whatever versions it projects.

``RunHistory`` asks a model that fits the code and the log. This is for looking at one that may not:
to compare it with what the code would make of the log, and to say how it stands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger import LogReader
from projections.engine.projector import Projector
from projections.errors import ReadModelUnusable
from projections.read_model.read_model import VERSION, Checkpoint, read_checkpoint

__all__ = ["CurrentModel", "errors_of_ours", "reading_current", "snapshot"]


@dataclass(frozen=True, slots=True)
class CurrentModel:
    """The current generation at one moment; nothing that is read of it changes meanwhile."""

    path: Path
    connection: sqlite3.Connection
    checkpoint: Checkpoint

    @property
    def generation(self) -> str:
        """The name of the generation, as in ``000003``."""
        return self.path.stem


@contextmanager
def reading_current(reader: LogReader, projector: Projector) -> Iterator[CurrentModel | None]:
    """Open the current model; None where there is none, or none that this version can read.

    Raises:
        ReadModelOfAnotherLog: the log is not the one that the model was built from.
        ReadModelUnusable: it cannot be read.
    """
    models = projector.models
    path = models.current()
    if path is None:
        yield None
        return
    with errors_of_ours(models.path), snapshot(models.reading(path)) as connection:
        checkpoint = _checkpoint_of_ours(connection)
        if checkpoint is None or checkpoint.ledger_id != reader.folder.identity().ledger_id:
            yield None
            return
        projector.check_same_log(path, checkpoint)
        yield CurrentModel(path, connection, checkpoint)


def _checkpoint_of_ours(connection: sqlite3.Connection) -> Checkpoint | None:
    try:
        checkpoint = read_checkpoint(connection)
    except sqlite3.OperationalError:
        # Another version of what every model has may lack the very table, or a column of it.
        return None
    return checkpoint if checkpoint and checkpoint.version == VERSION else None


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Keep what a connection reads as it is now, and close it in the end."""
    with closing(connection):
        connection.execute("BEGIN")
        yield connection


@contextmanager
def errors_of_ours(folder: Path) -> Iterator[None]:
    """Turn what SQLite raises into an error of ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise ReadModelUnusable(folder, str(error)) from error
