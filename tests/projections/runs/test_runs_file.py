"""``runs.jsonl``: one line for each end, neither doubled nor lost, the same to the byte."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader, NewEvent
from ledger.errors import LedgerNotFound
from ledger.line.replayed import decode_replayed
from projections import RunsFile
from projections.runs.run_fold import evolve, initial, summarize
from projections.runs.run_state import RunState
from tests.ledger.strategies import valid_runs
from tests.projections.ledgers import append, copy_of, forge, stories
from tests.projections.payloads import (
    abandoned,
    annotated,
    began,
    done,
    ended,
    failed,
    imported,
    started,
)
from tests.projections.processes import GENEROUS, beside, run_to_its_end, wait_until
from tests.projections.programs import catch_up_runs_file
from tests.projections.recorded import tell

SEED = [
    "run_id",
    "started_at",
    "ended_at",
    "result",
    "failure_reason",
    "stages_executed",
    "stages_failed",
    "retry_count",
    "metadata",
]


def lines_of(folder: Path) -> list[str]:
    """Give the lines of the file."""
    return (folder / "runs.jsonl").read_text().splitlines()


def from_zero(folder: Path) -> bytes:
    """Write the file of a copy of the log, that has no checkpoint, and give its bytes."""
    copy = copy_of(folder, f"{folder.name}-from-zero")
    (copy / "runs.jsonl").unlink(missing_ok=True)
    (copy / "read-models" / "runs.jsonl.checkpoint").unlink(missing_ok=True)
    RunsFile(copy).catch_up()
    return (copy / "runs.jsonl").read_bytes()


def by_hand(folder: Path) -> bytes:
    """Write a line wherever a run's result goes from none or a presumed one to another.

    A real end may say the very same, at the same time, as the presumed one before it.
    """
    states: dict[str, RunState] = {}
    text = ""
    for event in LogReader(folder).read():
        if event.run_id is None:
            continue
        before = states.get(event.run_id, initial(event.run_id))
        state = states[event.run_id] = evolve(before, decode_replayed(event.line))
        come_to, was = ((one.result, one.lifecycle.phase) for one in (state, before))
        if come_to != was and state.result:
            summary = summarize(state).model_dump(mode="json")
            text += json.dumps({key: summary[key] for key in SEED}) + "\n"
    return text.encode()


def runs(count: int, first: int = 0) -> list[NewEvent]:
    """Tell several short runs, one after the other, every third of them failed."""
    told = []
    for run in range(first, first + count):
        end = ended() if run % 3 else ended("failed", f"Stage load failed: {run} ü")
        close = done("load") if run % 3 else failed("load")
        told += tell(started(n=run), began("load"), close, end, run_id=f"run-{run:03d}")
    return told


def test_a_line_is_exactly_these_bytes(tmp_path: Path) -> None:
    """Nine keys in order, a blank after each comma and colon, times in UTC, ASCII only."""
    append(
        tmp_path,
        tell(
            started("load", day="2026-01-15", note="ü"),
            began("load"),
            failed("load", retry=True),
            began("load", 2),
            failed("load", 2),
            ended("failed", "Stage load failed after 1 retry: ValueError: no rows"),
        ),
    )

    assert RunsFile(tmp_path).catch_up() == 1

    assert (tmp_path / "runs.jsonl").read_bytes() == (
        b'{"run_id": "run-1", "started_at": "2026-01-15T10:00:00.000000Z",'
        b' "ended_at": "2026-01-15T10:00:05.000000Z", "result": "failed",'
        b' "failure_reason": "Stage load failed after 1 retry: ValueError: no rows",'
        b' "stages_executed": ["load"], "stages_failed": ["load"], "retry_count": 1,'
        b' "metadata": {"day": "2026-01-15", "note": "\\u00fc"}}\n'
    )


def test_there_is_one_line_for_each_end(tmp_path: Path) -> None:
    """A run that goes on has none, and what is said after an end adds none."""
    told = [
        *tell(started(), began("load"), run_id="going-on"),
        *tell(started(), ended(), annotated("fine"), annotated(day=2), run_id="ended"),
        *tell(started(), ended("stopped"), run_id="stopped"),
        *tell(imported(), annotated("old"), run_id="imported"),
        *tell(imported(None), run_id="imported-without-end"),
        *tell(started(), abandoned(1), annotated("gone"), run_id="abandoned"),
    ]
    append(tmp_path, told)

    assert RunsFile(tmp_path).catch_up() == 4

    found = [json.loads(line) for line in lines_of(tmp_path)]
    assert [(run["run_id"], run["result"]) for run in found] == [
        ("ended", "success"),
        ("stopped", "stopped"),
        ("imported", "failed"),
        ("abandoned", "failed"),
    ]
    assert all(list(run) == SEED for run in found)
    assert found[0]["metadata"] == {}


@pytest.mark.parametrize("step", [1, 2, 5])
def test_a_real_end_after_a_presumed_one_adds_a_line(tmp_path: Path, step: int) -> None:
    """The last line of a run wins, whether the file was caught up between the two or not."""
    told = tell(started(), abandoned(1), began("load"), done("load"), ended())
    for first in range(0, len(told), step):
        append(tmp_path, told[first : first + step])
        RunsFile(tmp_path).catch_up()

    presumed, real = (json.loads(line) for line in lines_of(tmp_path))

    assert (presumed["result"], presumed["stages_executed"]) == ("failed", [])
    assert presumed["failure_reason"].startswith("Presumed dead: process 4711 on worker-1")
    assert (real["result"], real["failure_reason"]) == ("success", None)
    assert real["stages_executed"] == ["load"]
    assert from_zero(tmp_path) == (tmp_path / "runs.jsonl").read_bytes() == by_hand(tmp_path)


@pytest.mark.parametrize("step", [1, 2, 3, 20])
def test_an_end_that_is_none_adds_no_line(tmp_path: Path, step: int) -> None:
    """What broke the lifecycle ended nothing: a second end, one before the start, one too many."""
    folder = tmp_path / "runs"
    events = [
        *tell(ended("failed"), started(), ended(), ended("failed"), run_id="twice"),
        *tell(started(), abandoned(1), abandoned(2), ended(), abandoned(4), run_id="given-up"),
        *tell(imported(), ended(), imported("stopped"), annotated("x"), run_id="imported"),
    ]

    for stop in range(0, len(events) + step, step):
        forge(folder, events[:stop])
        RunsFile(folder).catch_up()

    found = [json.loads(line) for line in lines_of(folder)]
    assert [(run["run_id"], run["result"]) for run in found] == [
        ("twice", "success"),
        ("given-up", "failed"),
        ("given-up", "success"),
        ("imported", "failed"),
    ]
    assert (folder / "runs.jsonl").read_bytes() == from_zero(folder) == by_hand(folder)


@settings(max_examples=12)
@given(valid_runs(), st.integers(1, 8))
def test_caught_up_in_any_portions_the_file_is_the_same(
    events: list[NewEvent], portion: int
) -> None:
    """Each portion adds its lines and changes none; in the end it is what one writing gives."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "runs"
        written = b""
        for first in range(0, len(events), portion):
            append(folder, events[first : first + portion])
            added = RunsFile(folder).catch_up()
            before, written = written, (folder / "runs.jsonl").read_bytes()
            assert written.startswith(before)
            assert written.count(b"\n") == before.count(b"\n") + added
            assert RunsFile(folder).catch_up() == 0

        assert written == by_hand(folder) == from_zero(folder)


@settings(max_examples=8)
@given(valid_runs(), st.integers(1, 8))
def test_read_in_any_portions_the_file_is_the_same(events: list[NewEvent], most: int) -> None:
    """A log that is there is read on with each call; what is left for the next changes nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "runs"
        append(folder, events)
        written = 0
        for _ in range(0, len(events) + 1, most):
            written += RunsFile(folder).catch_up(most=most)

        assert RunsFile(folder).catch_up() == 0
        assert written == by_hand(folder).count(b"\n")
        assert (folder / "runs.jsonl").read_bytes() == by_hand(folder) == from_zero(folder)


def test_whatever_a_crash_leaves_the_file_is_mended(tmp_path: Path) -> None:
    """Cut at any byte around the checkpoint, or longer, it comes to the same bytes."""
    folder = tmp_path / "runs"
    file, checkpoint = folder / "runs.jsonl", folder / "read-models" / "runs.jsonl.checkpoint"
    append(folder, runs(3))
    RunsFile(folder).catch_up()
    early = checkpoint.read_bytes()
    length = len(file.read_bytes())
    append(folder, runs(3, first=3))
    RunsFile(folder).catch_up()
    late = checkpoint.read_bytes()
    whole = file.read_bytes()
    assert from_zero(folder) == whole
    assert 0 < length < len(whole)

    around = [*range(length - 40, length + 40), *range(len(whole) - 10, len(whole))]
    for kept in (0, 1, *around):
        for stands in (early, late):
            checkpoint.write_bytes(stands)
            file.write_bytes(whole[:kept])
            RunsFile(folder).catch_up()
            assert file.read_bytes() == whole, (kept, stands)
            assert checkpoint.read_bytes() == late
    for more in (b"x", b"\n", b'{"run_id": ', whole[:77], whole, b"\x00" * 5000):
        for stands in (early, late):
            checkpoint.write_bytes(stands)
            file.write_bytes(whole + more)
            RunsFile(folder).catch_up()
            assert file.read_bytes() == whole, (more, stands)


@pytest.mark.parametrize(
    "spoilt",
    [
        None,
        b"",
        b"garbage",
        b"\xff\xfe",
        b'{"ledger_id":"\xff","position":1,"leaf":"","length":0}',
        b"[]",
        b'{"position":5}',
        b'{"ledger_id":"another","position":5,"leaf":"0","length":5}',
        b'{"ledger_id":"another","position":5000,"leaf":"0","length":5}',
    ],
    ids=repr,
)
@pytest.mark.parametrize("file_is_there", [True, False])
def test_a_lost_checkpoint_costs_only_time(
    tmp_path: Path, spoilt: bytes | None, file_is_there: bool
) -> None:
    """Without a checkpoint that fits, the file is written again from the log."""
    folder = tmp_path / "runs"
    file, checkpoint = folder / "runs.jsonl", folder / "read-models" / "runs.jsonl.checkpoint"
    append(folder, runs(4))
    RunsFile(folder).catch_up()
    whole, good = file.read_bytes(), checkpoint.read_bytes()
    if spoilt is None:
        checkpoint.unlink()
    else:
        checkpoint.write_bytes(spoilt)
    if not file_is_there:
        file.unlink()

    assert RunsFile(folder).catch_up() == 4

    assert (file.read_bytes(), checkpoint.read_bytes()) == (whole, good)


def test_the_file_of_another_log_is_written_anew(tmp_path: Path) -> None:
    """A checkpoint that does not fit the log at its position is not gone on from."""
    folder = tmp_path / "runs"
    append(folder, runs(2))
    backup = copy_of(folder, "backup")
    append(folder, runs(2, first=2))
    RunsFile(folder).catch_up()
    shutil.rmtree(folder / "events")
    shutil.copytree(backup / "events", folder / "events")
    shutil.copy(backup / "lock", folder / "lock")
    append(folder, runs(3, first=7))

    RunsFile(folder).catch_up()

    assert (folder / "runs.jsonl").read_bytes() == from_zero(folder)
    assert len(lines_of(folder)) == 5


def test_two_processes_that_write_it_at_once_write_it_once(tmp_path: Path) -> None:
    """They take turns under a lock, while a third appends; no line is doubled or lost."""
    folder = tmp_path / "runs"
    append(folder, runs(20))

    with (
        beside(catch_up_runs_file, folder, 40) as first,
        beside(catch_up_runs_file, folder, 40) as second,
        EventLog.open(folder) as log,
    ):
        for event in runs(20, first=20):
            log.append(event)
        run_to_its_end(first, second)

    RunsFile(folder).catch_up()
    assert (folder / "runs.jsonl").read_bytes() == from_zero(folder) == by_hand(folder)


def has_another_size(path: Path, size: int) -> bool:
    """Tell whether a file was written to."""
    return path.stat().st_size != size


def test_a_writer_that_is_killed_neither_doubles_nor_loses_a_line(tmp_path: Path) -> None:
    """Killed at any moment of its work, the next one finishes it."""
    folder = tmp_path / "runs"
    append(folder, [])
    RunsFile(folder).catch_up()
    chance = random.Random(4711)

    for turn in range(20):
        append(folder, runs(9, first=9 * turn))
        size = (folder / "runs.jsonl").stat().st_size
        with beside(catch_up_runs_file, folder, 2) as process:
            if turn % 2:
                wait_until(has_another_size, folder / "runs.jsonl", size)
            time.sleep(chance.uniform(0, 0.03))
            process.kill()
            process.join(GENEROUS)

    RunsFile(folder).catch_up()
    assert (folder / "runs.jsonl").read_bytes() == from_zero(folder) == by_hand(folder)
    assert len(lines_of(folder)) == 180


def test_the_file_is_only_made_for_a_ledger(tmp_path: Path) -> None:
    """Where there is no ledger, nothing is made."""
    with pytest.raises(LedgerNotFound):
        RunsFile(tmp_path / "missing")

    assert not list(tmp_path.iterdir())


def test_a_ledger_without_runs_has_an_empty_file(tmp_path: Path) -> None:
    """The file is there as soon as somebody keeps it."""
    append(tmp_path, [])

    assert RunsFile(tmp_path).catch_up() == 0

    assert (tmp_path / "runs.jsonl").read_bytes() == b""


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """Nobody has another file overwritten by putting a link there."""
    folder, precious = tmp_path / "runs", tmp_path / "precious"
    append(folder, runs(1))
    precious.write_text("precious")
    (folder / "runs.jsonl").symlink_to(precious)

    with pytest.raises(OSError, match="symbolic links"):
        RunsFile(folder).catch_up()

    assert precious.read_text() == "precious"


def test_ends_that_were_restored_get_their_lines(tmp_path: Path) -> None:
    """Though the file was written, and went on, while the segment that holds them was away."""
    folder, away = tmp_path / "runs", tmp_path / "away"
    with EventLog.open(folder, segment_bytes=2000) as log:
        for event in stories(3):
            log.append(event)
    segment = sorted((folder / "events").iterdir())[-2]
    shutil.move(segment, away)
    RunsFile(folder).catch_up()
    append(folder, stories(1, first=3))
    RunsFile(folder).catch_up()
    cut = len(lines_of(folder))

    shutil.move(away, segment)
    RunsFile(folder).catch_up()

    assert len(lines_of(folder)) > cut
    assert (folder / "runs.jsonl").read_bytes() == from_zero(folder)
