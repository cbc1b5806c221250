"""A file that is replaced is whole at every moment; only a file is opened as one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ledger.disk.files import open_file, read_file, replace_atomically, what_is_there
from tests.ledger.damage import KINDS
from tests.ledger.interleaving import in_fork, just_before


def test_two_that_replace_a_file_at_once_do_not_meet(tmp_path: Path) -> None:
    """Threads of one process too: each puts its own bytes there, and leaves nothing else."""
    path = tmp_path / "lease"

    def replace_beside_another() -> None:
        just_before({"os.rename"}, lambda: replace_atomically(path, b"the other\n"))
        replace_atomically(path, b"one\n")
        assert path.read_bytes() == b"one\n"

    assert in_fork(replace_beside_another) == 0
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("kind", "cause"), [("pipe", errno.ENXIO), ("folder", errno.EISDIR), ("symlink", errno.ELOOP)]
)
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str, cause: int) -> None:
    """A pipe is not waited for, a symlink is not followed, and the error says which it is."""
    path = tmp_path / "lock"
    KINDS[kind](path)

    with pytest.raises(OSError, match=str(path)) as refused:
        open_file(path)

    assert refused.value.errno == cause
    assert kind in what_is_there(refused.value)


def test_a_file_is_opened_as_asked(tmp_path: Path) -> None:
    """It is made where that is asked for, and else missed as ever."""
    path = tmp_path / "runs.jsonl"
    with pytest.raises(FileNotFoundError) as missing:
        open_file(path)
    os.close(open_file(path, os.O_RDWR | os.O_CREAT))

    assert what_is_there(missing.value) == ""
    assert read_file(path) == b""
