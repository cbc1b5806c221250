"""Watching the mark sees each append at once, and follows a log that was put in its place."""

from __future__ import annotations

from pathlib import Path

from ledger import EventLog, LogReader, RunContext
from ledger.reading.mark_watch import MarkWatch


def test_each_append_is_seen_at_once(tmp_path: Path) -> None:
    """The position is that of the log, before and after an append, through the same open file."""
    with EventLog.open(tmp_path) as log:
        watch = MarkWatch(LogReader(tmp_path))
        assert watch.position() == log.position == 1
        with RunContext.start(log, pipeline="nightly"):
            assert watch.position() == log.position == 2
        assert watch.position() == log.position == 3
    watch.close()
    assert watch.position() == 3


def test_a_copy_without_a_mark_ends_with_its_last_batch(tmp_path: Path) -> None:
    """Where the lock file is not there, the reader tells by the lines."""
    EventLog.open(tmp_path).close()
    (tmp_path / "lock").unlink()
    assert MarkWatch(LogReader(tmp_path)).position() == 1
