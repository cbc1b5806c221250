"""A forked child reads on with what its parent had open, whatever another thread was doing."""

from __future__ import annotations

from pathlib import Path

from ledger import EventLog, LogReader
from tests.ledger.examples import one_run
from tests.ledger.interleaving import in_fork


def test_a_child_reads_a_run_while_a_thread_of_its_parent_looks_one_up(tmp_path: Path) -> None:
    """That thread would never free the index in the child, and may have left it half-way."""
    with EventLog.open(tmp_path / "runs") as log:
        log.append_batch(one_run("r"))
    reader = LogReader(tmp_path / "runs")
    before = list(reader.read_run("r"))
    index = reader.run_index

    def read_on() -> None:
        assert list(reader.read_run("r")) == before

    with index._guard:
        # So far another thread is, that takes in lines: it has noted them, but not how far it is.
        index.active.offset = 0
        assert in_fork(read_on) == 0
