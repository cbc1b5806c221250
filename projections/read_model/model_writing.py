"""The one writing connection of a process to the current model, kept open between catch-ups.

To open it costs more than to fold a few events: the schema is read, and each statement prepared. It
is used under the projector's lock alone, so no two connections ever write or checkpoint at once. In
between it is idle, and holds nothing that another process would wait for.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from projections.projection import Projection
from projections.read_model.read_model import ReadModels
from projections.read_model.row_store import RowStore

__all__ = ["ModelWriting"]


class ModelWriting:
    """Writes to the current model of one ledger. For who holds the projector's lock."""

    def __init__(self, models: ReadModels) -> None:
        """Write to the models there; nothing is opened before it is needed."""
        self._models = models
        self._kept: tuple[sqlite3.Connection, RowStore] | None = None
        self._file: tuple[Path, int, int] | None = None
        self._inherited: tuple[sqlite3.Connection, RowStore] | None = None

    def kept(self, path: Path) -> sqlite3.Connection | None:
        """Give the connection to a model, where one was kept and the file is still the same."""
        if self._file != _file(path):
            self.close()
        return self._kept[0] if self._kept else None

    @contextmanager
    def writing(
        self, path: Path, projections: Sequence[Projection[Any]]
    ) -> Iterator[tuple[sqlite3.Connection, RowStore]]:
        """Lend the connection to a model, and its rows; one that met an error is not kept."""
        with ExitStack() as on_error:
            on_error.callback(self.close)
            if self.kept(path) is None or self._kept is None:
                self._file = _file(path)
                connection = on_error.enter_context(closing(self._models.connect_to_write(path)))
                self._kept = connection, RowStore(connection, projections)
            yield self._kept
            on_error.pop_all()

    def forget_in_child(self) -> None:
        """In a forked child: leave the parent's connection alone."""
        self._inherited, self._kept = self._kept, None

    def close(self) -> None:
        """Let go of the connection. Closing twice does nothing."""
        if self._kept is not None:
            self._kept[0].close()
        self._kept = self._file = None


def _file(path: Path) -> tuple[Path, int, int] | None:
    """Tell a model from another one of the same name; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - asked at each catch-up, and several times as quick
    except OSError:
        return None
    return path, found.st_dev, found.st_ino
