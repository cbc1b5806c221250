"""A round of a server's upkeep does what nobody should have to wait for."""

from __future__ import annotations

from pathlib import Path

from automation.upkeep import Upkeep
from ledger import EventLog, RunContext
from projections import RunHistory


def test_a_round_finds_out_where_the_lines_of_runs_lie(tmp_path: Path) -> None:
    """Before anybody asks, and again what came since, in the segment that is written to."""
    with EventLog.open(tmp_path, segment_bytes=4_000) as log, RunHistory(tmp_path) as history:
        upkeep = Upkeep(history)
        for number in range(1, 12):
            RunContext.start(log, pipeline="nightly", run_id=f"run-{number}").end("success")
            upkeep.do_round()

            mark, active = history.reader.mark(), history.reader.run_index.active
            assert (active.segment, active.offset) == (mark.segment, mark.offset)
        assert mark.segment > 1
        # The same reader serves who keeps runs.jsonl.
        assert (tmp_path / "runs.jsonl").read_text().count("\n") == 11
