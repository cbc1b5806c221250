"""Where a signing key lies: one line in a file of its own, which only its owner may read.

Never inside the data folder: whoever can write the log could then also sign what they wrote.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ledger.disk.files import create_exclusive, sync_folder
from ledger.disk.folder import Identity
from ledger.disk.user_folder import user_folder
from ledger.errors import BadEvidence, KeyNotFound, KeyRefused
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import origin_of

__all__ = ["create_key_file", "default_key_path", "read_key_file"]

_MAX_KEY_FILE = 4096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def default_key_path(identity: Identity, environment: Mapping[str, str]) -> Path:
    """Give where the key of a ledger lies when nobody says otherwise, after XDG."""
    folder = user_folder("XDG_CONFIG_HOME", ".config", environment)
    return folder / f"{origin_of(identity)}.key"


def create_key_file(path: Path, key: SigningKey, *, data_folder: Path) -> None:
    """Put a new key into a new file of mode 0600, on disk when this returns.

    Raises:
        KeyRefused: the file is there already, lies in the data folder, or cannot be made.
    """
    if path.resolve().is_relative_to(data_folder.resolve()):
        raise KeyRefused(
            path, "it lies in the data folder, where whoever writes the log could sign it too"
        )
    if os.path.lexists(path):
        raise KeyRefused(path, "it is there already, and a key is never overwritten")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_exclusive(path, key.encoded.encode() + b"\n", mode=0o600)
        sync_folder(path.parent)
    except OSError as error:
        raise KeyRefused(path, f"it cannot be made: {error.strerror}") from None


def read_key_file(path: Path) -> SigningKey:
    """Read a signing key from its file.

    Raises:
        KeyNotFound: there is no such file.
        KeyRefused: others may read it, or it cannot be read.
        BadEvidence: it holds no key.
        SigningUnavailable: ``cryptography`` is not installed.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise KeyNotFound(path, "there is no key; runfold key init makes one") from None
    except OSError as error:
        raise KeyRefused(path, f"it cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise KeyRefused(path, "it is not a file")
        if status.st_mode & _OTHERS:
            raise KeyRefused(path, "others than its owner may read or write it: chmod 600")
        data = os.read(fd, _MAX_KEY_FILE)
    finally:
        os.close(fd)
    try:
        return SigningKey.parse(data.decode().removesuffix("\n"))
    except UnicodeDecodeError:
        raise BadEvidence("a signing key", "it is not text") from None
