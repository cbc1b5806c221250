"""Damage a data folder on purpose, the way crashes, disks and people do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ledger.disk.mark import Mark, write_mark
from ledger.writers.machine import boot_id
from tests.ledger.witness import segments_of

__all__ = [
    "KINDS",
    "copy_of",
    "cut",
    "flip",
    "last_segment",
    "lose_lock",
    "put_instead",
    "set_mark",
]


KINDS: dict[str, Callable[[Path], None]] = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "symlink": lambda path: path.symlink_to(os.devnull),
}
"""What makes something that is no file of the ledger, by its name."""


def copy_of(folder: Path, name: str) -> Path:
    """Copy a data folder beside itself, in the place of an earlier copy of that name."""
    copy = folder.with_name(name)
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(folder, copy))


def last_segment(folder: Path) -> Path:
    """Give the active segment."""
    return segments_of(folder)[-1]


def cut(folder: Path, size: int) -> None:
    """Cut the active segment."""
    with last_segment(folder).open("r+b") as file:
        file.truncate(size)


def flip(path: Path, offset: int) -> None:
    """Flip one bit of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def set_mark(
    folder: Path, segment: int, offset: int, position: int, *, boot: str | None = None
) -> None:
    """Put the durable mark back to where it was before the last appends.

    That is how it stands while a writer has not synced them; with another ``boot`` than this one,
    how a power cut leaves it: the log was synced, the mark behind it was not.
    """
    with (folder / "lock").open("r+b") as lock:
        write_mark(lock.fileno(), Mark(segment, offset, position, boot or boot_id()))


def lose_lock(folder: Path) -> None:
    """Delete the lock file, and the mark with it."""
    (folder / "lock").unlink()


def put_instead(path: Path, kind: str) -> None:
    """Put something else in the place of a file: one of ``KINDS``."""
    path.unlink()
    KINDS[kind](path)
