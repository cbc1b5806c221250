"""Where settings come from, found out without their models, which take a while to load."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["CONFIG", "PREFIX", "anything_is_set", "settings_file"]

CONFIG = "RUNFOLD_CONFIG"
"""The variable that names the file."""

PREFIX = "RUNFOLD_"
"""What the name of every variable begins with."""

_FILE = Path("runfold.toml")
_OF_RECORDING = tuple(f"{PREFIX}{section}_" for section in ("LEDGER", "REDACT"))


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


def anything_is_set() -> bool:
    """Tell whether anything may be set here of where and how runs are recorded."""
    return settings_file() is not None or any(
        name.upper().startswith(_OF_RECORDING) for name in os.environ
    )
