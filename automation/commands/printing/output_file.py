"""A file that a command writes: whole, in the place of the one before, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from automation.errors import BadArgument
from ledger.disk.files import sync_file, sync_folder

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of a new file beside ``path``, which takes its place when all went well.

    Raises:
        BadArgument: no file can be there.
        OSError: it cannot be written, as on a full disk.
    """
    if path.exists() and not path.is_file():
        raise BadArgument(str(path), "it is there, and is no file")
    # Whoever reads through a link goes on reading through it.
    place = path.resolve()
    temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        temporary.touch()
    except OSError as error:
        raise BadArgument(str(path), error.strerror or "it cannot be written") from None
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(place)
        sync_folder(place.parent)
    finally:
        temporary.unlink(missing_ok=True)
