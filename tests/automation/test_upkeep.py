"""A round of a server's upkeep does what nobody should have to wait for."""

from __future__ import annotations

import json
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


def test_damage_ends_no_other_part_of_a_round(tmp_path: Path) -> None:
    """Where a line cannot be found by its run any more, runs.jsonl has all the others."""
    with EventLog.open(tmp_path) as log:
        for number in range(1, 6):
            RunContext.start(log, pipeline="nightly", run_id=f"run-{number}").end("success")
    with RunHistory(tmp_path) as history:
        history.catch_up()
        segment = history.reader.folder.segment(1)
        lines = segment.read_bytes().split(b"\n")
        # The end of the second run.
        lines[4] = b"x" + lines[4][1:]
        segment.write_bytes(b"\n".join(lines))
        Upkeep(history).do_round()

    runs = [
        json.loads(line)["run_id"] for line in (tmp_path / "runs.jsonl").read_text().splitlines()
    ]
    assert runs == ["run-1", "run-3", "run-4", "run-5"]
