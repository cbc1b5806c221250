"""A file that is replaced is whole at every moment, whoever else replaces it."""

from __future__ import annotations

from pathlib import Path

from ledger.disk.files import replace_atomically
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
