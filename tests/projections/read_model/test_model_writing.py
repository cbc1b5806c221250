"""The writing connection that is kept writes to what is current, whatever happened meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import LogReader
from projections import RunHistory
from projections.engine.candidate import rebuild
from projections.engine.projector import Projector
from projections.read_model.read_model import ReadModels
from tests.projections.ledgers import append, current_model, dump_of, rebuilt, stories


def build_anew(folder: Path) -> None:
    """Switch to another generation, as the command does."""
    reader = LogReader(folder)
    rebuild(reader, Projector(reader))


def remove_all(folder: Path) -> None:
    """Throw the view away."""
    shutil.rmtree(folder / "read-models")


def catch_up_elsewhere(folder: Path) -> None:
    """Write to the same model through another connection."""
    append(folder, stories(1, first=90))
    with RunHistory(folder) as other:
        other.catch_up()


@pytest.mark.parametrize("meanwhile", [build_anew, remove_all, catch_up_elsewhere])
def test_it_follows_what_is_current(tmp_path: Path, meanwhile: Callable[[Path], None]) -> None:
    """After a switch, a loss and the turn of another, the view is what a rebuild is."""
    folder = tmp_path / "runs"
    append(folder, stories(2))
    with RunHistory(folder) as history:
        history.catch_up()
        for number in (10, 20):
            append(folder, stories(1, first=number))
            history.catch_up()
            if number == 10:
                meanwhile(folder)
            last = append(folder, stories(1, first=number + 1))

            assert history.catch_up() == last
            assert current_model(folder) == ReadModels.of(LogReader(folder).folder).current()
    assert dump_of(folder) == dump_of(rebuilt(folder))


def test_closing_it_leaves_a_whole_file(tmp_path: Path) -> None:
    """Who closes last takes the write-ahead log into the model."""
    append(tmp_path, stories(1))
    with RunHistory(tmp_path) as history:
        history.catch_up()
        append(tmp_path, stories(1, first=1))
        history.catch_up()
        model = current_model(tmp_path)

    log = model.with_name(f"{model.name}-wal")
    assert not log.exists() or log.stat().st_size == 0
