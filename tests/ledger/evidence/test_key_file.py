"""The file of a signing key: its owner's alone, outside the data folder, never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.disk.folder import Identity
from ledger.errors import BadEvidence, KeyNotFound, KeyRefused
from ledger.evidence.key_file import create_key_file, default_key_path, read_key_file
from ledger.evidence.signed_note import Note, SigningKey, is_signed_by


def test_new_keys_differ_and_work(tmp_path: Path) -> None:
    """A key that was made, written and read again signs what its verifier key checks."""
    first, second = SigningKey.generate("runfold/x"), SigningKey.generate("runfold/x")
    path = tmp_path / "config" / "own.key"

    create_key_file(path, first, data_folder=tmp_path / "data")

    assert first != second
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key_file(path) == first
    note = Note("text\n", (read_key_file(path).sign("text\n"),))
    assert is_signed_by(note, first.verifier_key)
    assert not is_signed_by(note, second.verifier_key)


def test_a_key_file_is_neither_overwritten_nor_put_beside_the_log(tmp_path: Path) -> None:
    """An existing file stays as it is, and a path that leads into the data folder is refused."""
    key, data = SigningKey.generate("name"), tmp_path / "data"
    data.mkdir()
    (tmp_path / "link").symlink_to(data)
    for inside in (data / "key", data / "sub" / "key", tmp_path / "link" / "key"):
        with pytest.raises(KeyRefused, match="data folder"):
            create_key_file(inside, key, data_folder=data)
    assert list(data.iterdir()) == []

    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(KeyRefused, match="never overwritten"):
        create_key_file(taken, key, data_folder=data)
    with pytest.raises(KeyRefused, match="cannot be made"):
        create_key_file(taken / "below", key, data_folder=data)
    assert taken.read_text() == "mine"


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key is used only from a file that is its owner's alone, and holds a key."""
    path = tmp_path / "key"
    with pytest.raises(KeyNotFound, match="key init"):
        read_key_file(path)
    with pytest.raises(KeyRefused, match="not a file"):
        read_key_file(tmp_path)
    create_key_file(path, SigningKey.generate("name"), data_folder=tmp_path / "data")
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(KeyRefused, match="chmod 600"):
            read_key_file(path)
    for content in (b"", b"\xff", b"PRIVATE+KEY+", b"x" * 10_000):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(BadEvidence, match="not a signing key"):
            read_key_file(path)


def test_the_key_of_a_ledger_lies_in_the_configuration_folder() -> None:
    """The default follows XDG, and ignores a folder that is not absolute, as XDG wants."""
    identity = Identity("abc", 1, "")

    assert default_key_path(identity, {"XDG_CONFIG_HOME": "/x"}) == Path("/x/runfold/abc.key")
    at_home = Path.home() / ".config" / "runfold" / "abc.key"
    assert default_key_path(identity, {"XDG_CONFIG_HOME": "x"}) == at_home
    assert default_key_path(identity, {}) == at_home
