"""Where settings come from, found out without their models, which take a while to load."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["CONFIG", "PREFIX", "folder_from", "settings_file"]

CONFIG = "RUNFOLD_CONFIG"
"""The variable that names the file."""

PREFIX = "RUNFOLD_"
"""What the name of every variable begins with."""

_FILE = Path("runfold.toml")


def settings_file(named: Path | None = None) -> Path | None:
    """Give the file: the one named, else that of ``RUNFOLD_CONFIG``, else ``runfold.toml``.

    None where none is named, and none lies in the working folder.
    """
    in_environment = os.environ.get(CONFIG)
    if named is not None:
        return named
    if in_environment:
        return Path(in_environment)
    return _FILE if _FILE.exists() else None


def folder_from(file: Path, named: str) -> Path:
    """Give the folder that a settings file names: taken from where the file lies."""
    return file.absolute().parent / Path(named).expanduser()
