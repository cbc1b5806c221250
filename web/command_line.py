"""The command that shows, or does, the same in a terminal."""

from __future__ import annotations

import shlex
from pathlib import Path

from ledger.disk.folder import DEFAULT_FOLDER

__all__ = ["command_line"]


def command_line(folder: Path, *words: str) -> str:
    """Write a command about the ledger in a folder, to be typed as it stands."""
    elsewhere = [] if folder == DEFAULT_FOLDER else ["--dir", str(folder)]
    return shlex.join(["runfold", *words, *elsewhere])
