"""Where a user's own files lie, by the XDG base directory specification: keys, tokens, spools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["user_folder"]


def user_folder(variable: str, usual: str, environment: Mapping[str, str]) -> Path:
    """Give the folder that ``variable`` names, else the usual one below the user's home.

    Args:
        variable: like ``XDG_CONFIG_HOME``; ignored where it names a path that is not absolute, as
            the specification wants.
        usual: like ``.config``.
        environment: of the process.
    """
    named = Path(environment.get(variable, ""))
    return named if named.is_absolute() else _home() / usual


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        # In a container, for a user that only has a number; there HOME says the same, as a rule.
        return Path("/")
