"""What is set of where and how a run is recorded, for a command that cannot wait for the models.

``settings.py`` defines what may be set. A file that says no more than it must is read here in a
moment; all else, be it a variable, a key that nobody knows or a value of another kind, goes to the
models, which take it or say what is wrong. What is expected of pipelines is not looked at.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from automation.settings_file import PREFIX, folder_from, settings_file
from ledger.errors import InvalidEvent
from ledger.secrets.secret_keys import SecretKeys

__all__ = ["RecordingSettings", "recording_settings"]

_IN_ENVIRONMENT = tuple(f"{PREFIX}{section}_" for section in ("LEDGER", "REDACT"))


class RecordingSettings(msgspec.Struct, frozen=True):
    """Where runs are recorded, where that is set, and the names of further keys that are secret."""

    folder: Path | None = None
    redact: Sequence[str] = ()


class _Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dir: str | None = None


class _Redact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ledger: _Ledger = _Ledger()
    redact: _Redact = _Redact()
    check: Any = None


def recording_settings() -> RecordingSettings:
    """Give what holds here and now.

    Raises:
        SettingsInvalid: a key is unknown or its value not what it must be, or a file that is named
            cannot be read.
    """
    if not any(name.upper().startswith(_IN_ENVIRONMENT) for name in os.environ):
        path = settings_file()
        plain = RecordingSettings() if path is None else _read_plain(path)
        if plain is not None:
            return plain
    # Only for those who set more than that, as it takes a while.
    from automation.settings import read_settings  # noqa: PLC0415 - see above

    settings = read_settings()
    return RecordingSettings(settings.ledger.dir, settings.redact.keys)


def _read_plain(path: Path) -> RecordingSettings | None:
    """Read a file; None where it takes the models to judge it."""
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=_File)
        SecretKeys(found.redact.keys)
    except (OSError, ValueError, msgspec.DecodeError, InvalidEvent):
        return None
    named = found.ledger.dir
    return RecordingSettings(None if named is None else folder_from(path, named), found.redact.keys)
