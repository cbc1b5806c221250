"""The projector: however it gets to a position, what it has built there is the same."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, NewEvent
from projections.read_model.read_model import PAGE
from tests.ledger.strategies import valid_runs
from tests.projections.ledgers import (
    append,
    catch_up,
    contents,
    copy_of,
    current_model,
    dump_of,
    expected_contents,
    has_passed,
    position_in,
    rebuilt,
    stories,
)
from tests.projections.processes import (
    GENEROUS,
    beside,
    wait_until,
)
from tests.projections.programs import project


@settings(max_examples=8)
@given(valid_runs(), st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(1, 5))
def test_however_it_is_brought_up_the_model_is_the_same(
    events: list[NewEvent], portions: list[int], batch: int
) -> None:
    """Kept up in any portions and batches, or rebuilt, it is always what the fold alone gives."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "runs"
        left = list(events)
        while left:
            portion = portions[len(left) % len(portions)]
            position = append(folder, left[:portion])
            del left[:portion]

            assert catch_up(folder, batch=batch) == position
            assert contents(current_model(folder)) == expected_contents(folder, position)
        assert current_model(folder).name == "000001.sqlite"
        anew = rebuilt(folder)
        assert contents(current_model(anew)) == contents(current_model(folder))
        assert dump_of(anew) == dump_of(folder)


def test_from_every_checkpoint_the_model_comes_to_the_same(tmp_path: Path) -> None:
    """A model that was kept at any position goes on from there to what a rebuild gives."""
    folder, kept = tmp_path / "runs", tmp_path / "kept"
    append(folder, [])
    with EventLog.open(folder) as log:
        for event in stories(3):
            log.append(event)
            catch_up(folder)
            shutil.copytree(folder / "read-models", kept / f"{log.position}")
        last = log.position
    whole = contents(current_model(rebuilt(folder)))
    assert len(whole["runs"]) == 3

    for position in range(2, last + 1):
        shutil.rmtree(folder / "read-models")
        shutil.copytree(kept / f"{position}", folder / "read-models")
        assert contents(current_model(folder)) == expected_contents(folder, position)

        assert catch_up(folder, batch=2) == last
        assert contents(current_model(folder)) == whole
        assert current_model(folder).name == "000001.sqlite"


def test_a_projector_that_is_killed_leaves_rows_and_checkpoint_together(tmp_path: Path) -> None:
    """Killed again and again, it goes on where its last transaction ended, and gets there."""
    folder = tmp_path / "runs"
    append(folder, stories(5))
    catch_up(folder)
    last = append(folder, stories(60, first=5))
    model = current_model(folder)
    chance = random.Random(4711)

    while position_in(model) < last:
        before = position_in(model)
        with beside(project, folder, 60) as process:
            wait_until(has_passed, model, before)
            time.sleep(chance.uniform(0, 0.02))
            process.kill()
            process.join(GENEROUS)
        at_kill = position_in(model)
        assert at_kill > before
        assert contents(model) == expected_contents(folder, at_kill)

    assert current_model(folder) == model
    assert contents(model) == contents(current_model(rebuilt(folder)))


def test_any_part_of_what_was_being_written_is_a_whole_state(tmp_path: Path) -> None:
    """Wherever a crash cuts the write-ahead log, rows, counts and checkpoint are of one moment.

    A write-ahead log is a header of 32 bytes and a frame for each page, of 24 and the page.
    """
    folder = tmp_path / "runs"
    append(folder, stories(4))
    catch_up(folder)
    model = current_model(folder)
    with closing(sqlite3.connect(model)) as holds_the_log_open:
        holds_the_log_open.execute("SELECT * FROM runs").fetchall()
        last = append(folder, stories(2, first=4))
        catch_up(folder, batch=3)
        log = model.with_name(f"{model.name}-wal").read_bytes()
        copy = copy_of(folder, "copy")
    whole = contents(model)
    expected: dict[int, object] = {}

    for cut in (0, 17, 5000, *range(32, len(log) + 1, 24 + PAGE)):
        left = copy / "read-models" / f"{cut}" / model.name
        left.parent.mkdir()
        shutil.copy(copy / "read-models" / model.name, left)
        left.with_name(f"{model.name}-wal").write_bytes(log[:cut])
        position = position_in(left)
        if position not in expected:
            expected[position] = expected_contents(folder, position)
        assert contents(left) == expected[position]

    assert list(expected) == [33, 36, 39, 42, 45, 48, last]
    assert contents(left) == whole


def has_files(folder: Path, count: int, process: BaseProcess) -> bool:
    """Tell whether a folder has so many files, or nobody makes any more."""
    return len(list(folder.iterdir())) >= count or not process.is_alive()


def test_a_build_that_is_killed_leaves_no_model_or_a_whole_one(tmp_path: Path) -> None:
    """Until the pointer is switched there is nothing to see, and the next build starts clean."""
    folder = tmp_path / "runs"
    last = append(folder, stories(40))
    models = folder / "read-models"

    for moment in range(1, 9):
        with beside(project, folder, 20) as process:
            wait_until(has_files, models, moment, process)
            process.kill()
            process.join(GENEROUS)
        if (models / "current").exists():
            assert contents(current_model(folder)) == expected_contents(folder, last)
            shutil.rmtree(models)
            models.mkdir()

    assert catch_up(folder) == last
    assert contents(current_model(folder)) == expected_contents(folder, last)
    assert len(list(models.glob("*.sqlite"))) == 1
