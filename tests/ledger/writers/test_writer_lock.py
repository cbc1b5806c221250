"""The writer lock tells whether a run's process is there, whatever is forked meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ledger.disk.folder import LedgerFolder
from ledger.writers.writer_lock import WriterLock, is_writer_gone, take_over
from tests.ledger.interleaving import die, fork_just_before, in_fork


@pytest.fixture
def folder(tmp_path: Path) -> LedgerFolder:
    """Give a folder in which runs are recorded."""
    folder = LedgerFolder(tmp_path)
    folder.writers.mkdir()
    return folder


def test_a_child_forked_while_the_lock_is_taken_does_not_hold_it(folder: LedgerFolder) -> None:
    """Once the writer was killed it is gone, though its child lives on."""
    told = folder.path / "child"

    def record_and_die() -> None:
        children = fork_just_before({"fcntl.flock"})
        WriterLock(folder, "r")
        told.write_text(str(children[0]))
        die()

    assert in_fork(record_and_die) == -signal.SIGKILL
    try:
        assert is_writer_gone(folder, "r", pid=os.getpid(), same_boot=True)
    finally:
        os.kill(int(told.read_text()), signal.SIGKILL)


def test_a_child_forked_during_a_look_does_not_hold_the_lock(folder: LedgerFolder) -> None:
    """Whoever saw that the writer is gone can take its lock, and say so in the log."""
    (folder.writers / "r").touch()

    def look_and_take_over() -> None:
        children = fork_just_before({"fcntl.flock"})
        try:
            assert is_writer_gone(folder, "r", pid=os.getpid(), same_boot=True)
            assert take_over(folder, "r") is not None
        finally:
            os.kill(children[0], signal.SIGKILL)

    assert in_fork(look_and_take_over) == 0
