"""The read model: one SQLite file per generation, and a pointer to the one that is current.

Derived and disposable. A live file is never replaced in place (pages of its write-ahead log would
show up in the new one); a rebuild makes the next generation beside it, then moves the pointer.

SQLite before 3.51.3 can corrupt a database when two connections write or checkpoint at once. So a
writing connection is opened and used under the projector's lock alone; all others open read-only.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import msgspec

from ledger.disk.files import read_file, replace_atomically, sync_file, what_is_there
from ledger.disk.folder import LedgerFolder
from projections.errors import ReadModelUnusable
from projections.projection import Projection
from projections.read_model.queries import query
from projections.read_model.row_store import create_indexes, create_tables

__all__ = ["PAGE", "VERSION", "Checkpoint", "ReadModels", "is_broken", "read_checkpoint"]

VERSION = 5
"""Of what every model has: one of another version is built anew. Projections have their own."""

PAGE = 8192
"""Bytes a page: wide enough for the details of a few runs, which leaves less of it empty."""

_GENERATION = re.compile(r"(\d{6})\.sqlite")
_WHILE_BUILDING = (
    f"page_size = {PAGE}",
    "journal_mode = MEMORY",
    "synchronous = OFF",
    "cache_size = -200000",
    "temp_store = FILE",
    "threads = 2",
)
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY_CODE = 0xFF


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Up to where, and of which log, a read model was built.

    ``leaf`` is that of the line at ``read_position``: ``position``, unless that is out of reach.
    """

    version: int
    ledger_id: str
    position: int
    leaf: str
    read_position: int = 0


def read_checkpoint(connection: sqlite3.Connection) -> Checkpoint | None:
    """Read the checkpoint that was committed with the rows."""
    row = connection.execute(query("read_checkpoint")).fetchone()
    return None if row is None else Checkpoint(*row)


def is_broken(error: BaseException) -> bool:
    """Tell a model that cannot be read, and is built anew, from a full disk or a busy one.

    A ``DecodeError`` is that of a stored state.
    """
    if isinstance(error, msgspec.DecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & _PRIMARY_CODE in _BROKEN


class ReadModels:
    """The folder that holds the generations of one ledger's read model."""

    def __init__(self, path: Path) -> None:
        """Keep the generations in ``path``."""
        self.path = path

    @classmethod
    def of(cls, folder: LedgerFolder) -> ReadModels:
        """Find where the read models of a ledger can lie: in it, else in the user's cache.

        Raises:
            ReadModelUnusable: neither can be, as the user has no home.
        """
        path = folder.read_models
        if os.access(path if path.exists() else folder.path, os.W_OK):
            return cls(path)
        try:
            cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        except RuntimeError as error:
            reason = "it cannot be written, and there is no home for a cache: set XDG_CACHE_HOME"
            raise ReadModelUnusable(path, reason) from error
        place = hashlib.sha256(str(folder.path.resolve()).encode()).hexdigest()[:16]
        return cls(cache / "runfold" / f"{folder.identity().ledger_id}-{place}")

    @property
    def lock(self) -> Path:
        """The lock of the one that projects."""
        return self.path / "projector.lock"

    def current(self) -> Path | None:
        """Give the file of the current generation; None where none was built yet.

        A file that was cut within a page counts as none: SQLite would take what is missing for
        zeros, and say nothing.
        """
        try:
            name = read_file(self.path / "current").decode("ascii", "replace").strip()
            if not _GENERATION.fullmatch(name):
                return None
            size = (self.path / name).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if not what_is_there(error):
                raise
            return None
        return self.path / name if size and size % PAGE == 0 else None

    def next(self) -> Path:
        """Give the file that the next generation goes into; remove what a build left that died.

        No number is taken twice while anything of its generation is left: SQLite would take a
        write-ahead log whose database was removed for that of the new one.
        """
        numbers = [int(match[1]) for match in self._generation_files()]
        self._keep_only(self.current())
        return self.path / f"{max(numbers, default=0) + 1:06d}.sqlite"

    def switch_to(self, path: Path) -> None:
        """Make a generation current, and remove the ones before the last."""
        before = self.current()
        replace_atomically(self.path / "current", f"{path.name}\n".encode())
        self._keep_only(path, before)

    def _generation_files(self) -> list[re.Match[str]]:
        """Find all databases with their write-ahead logs and indexes of those."""
        names = (entry.name for entry in self.path.iterdir())
        return [match for match in map(_GENERATION.match, names) if match]

    def _keep_only(self, *paths: Path | None) -> None:
        kept = {path.name for path in paths if path is not None}
        for match in self._generation_files():
            if match[0] not in kept:
                (self.path / match.string).unlink(missing_ok=True)

    def connect_to_write(self, path: Path) -> sqlite3.Connection:
        """Open the one writing connection; it is used by who holds the projector's lock."""
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA page_size = {PAGE}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            # Pages. A checkpoint syncs two files, and whoever just projects waits for that: 11 ms
            # at every 40th catch-up, or 35 ms at every 160th.
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            # Triggers make SQLite keep what a statement changes: not in a file at each of them.
            connection.execute("PRAGMA temp_store = MEMORY")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def building(
        self, checkpoint: Checkpoint, projections: Sequence[Projection[Any]]
    ) -> Iterator[tuple[Path, sqlite3.Connection]]:
        """Make the next generation, which nobody reads yet, and put it on disk when done.

        It is made in one transaction. A build that fails is removed; one that died, by the next.
        """
        path = self.next()
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                for setting in _WHILE_BUILDING:
                    connection.execute(f"PRAGMA {setting}")
                connection.execute("BEGIN IMMEDIATE")
                create_tables(connection, projections)
                connection.execute(query("begin_checkpoint"), astuple(checkpoint))
                yield path, connection
                create_indexes(connection, projections)
                connection.execute("COMMIT")
                connection.execute("PRAGMA journal_mode = WAL")
            sync_file(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def reading(self, path: Path) -> sqlite3.Connection:
        """Open a read-only connection; it never blocks the writer."""
        uri = f"{path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
