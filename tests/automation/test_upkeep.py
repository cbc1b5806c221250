"""A round of a server's upkeep does what nobody should have to wait for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from automation.upkeep import Upkeep
from ledger import EventLog, RunContext
from projections import RunHistory


def test_what_was_lost_and_is_back_is_shown_without_a_restart(tmp_path: Path) -> None:
    """A segment that is put back while a server has the model open is in it after a round."""
    folder, away = tmp_path / "runs", tmp_path / "away"
    with EventLog.open(folder, segment_bytes=2_000) as log:
        for number in range(1, 9):
            RunContext.start(log, pipeline="nightly", run_id=f"run-{number}").end("success")
    segment = sorted((folder / "events").iterdir())[1]
    shutil.move(segment, away)
    with RunHistory(folder) as history:
        upkeep, before = Upkeep(history), history.get_run_count()
        upkeep.do_round()
        assert history.out_of_reach()
        # So that the connection which writes to the model is open, too.
        with EventLog.open(folder) as log:
            RunContext.start(log, pipeline="nightly", run_id="run-9").end("success")
        history.catch_up()

        shutil.move(away, segment)
        generation = history.generation()
        upkeep.do_round()

        # Who keeps answers knows by this that they do not hold any more.
        assert history.generation() != generation
        assert (history.out_of_reach(), history.get_run_count()) == ([], 9)
        assert before < 8


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


def test_damage_keeps_the_rest_of_a_round_from_nothing(tmp_path: Path) -> None:
    """Where a line of the active segment is none, runs.jsonl is kept, without the end it held."""
    with EventLog.open(tmp_path) as log:
        for number in range(1, 4):
            RunContext.start(log, pipeline="nightly", run_id=f"run-{number}").end("success")
    (segment,) = (tmp_path / "events").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[2] = b"x" * (len(lines[2]) - 1) + b"\n"
    segment.write_bytes(b"".join(lines))

    with RunHistory(tmp_path) as history:
        Upkeep(history).do_round()

    written = (tmp_path / "runs.jsonl").read_text().splitlines()
    assert [json.loads(line)["run_id"] for line in written] == ["run-2", "run-3"]
