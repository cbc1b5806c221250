"""What to do where nothing was recorded yet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from ledger.disk.folder import DEFAULT_FOLDER
from projections import RunHistory

__all__ = ["how_to_begin"]


def how_to_begin(history: RunHistory) -> Mapping[str, str]:
    """Give the command that runs the sample pipeline, and the folder as Python writes it."""
    folder = history.reader.folder.path
    elsewhere = ["--dir", str(folder)] if folder != DEFAULT_FOLDER else []
    return {
        "command": shlex.join(["runfold", "run", "market-data", *elsewhere]),
        "folder": repr(str(folder)),
    }
