"""A read model that was lost, spoilt or replaced is made again, and nobody notices."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from ledger import LogReader
from projections import RunHistory
from projections.engine.projector import Projector
from projections.read_model.read_model import PAGE, ReadModels
from tests.projections.ledgers import (
    append,
    catch_up,
    contents,
    copy_of,
    current_model,
    expected_contents,
    position_in,
    stories,
    story,
)


def set_version(model: Path) -> None:
    """Make a model one of another version."""
    with closing(sqlite3.connect(model)) as connection:
        connection.execute("UPDATE checkpoint SET version = version + 1")
        connection.commit()


def set_ledger(model: Path) -> None:
    """Make a model one of another ledger."""
    with closing(sqlite3.connect(model)) as connection:
        connection.execute("UPDATE checkpoint SET ledger_id = 'another'")
        connection.commit()


def empty(model: Path) -> None:
    """Leave a file without a byte."""
    os.truncate(model, 0)


def cut_header(model: Path) -> None:
    """Leave half a header."""
    os.truncate(model, 50)


def cut_page(model: Path) -> None:
    """Cut in the middle of the last page, which SQLite does not notice."""
    os.truncate(model, model.stat().st_size - 1000)


def cut_byte(model: Path) -> None:
    """Cut off a single byte."""
    os.truncate(model, model.stat().st_size - 1)


def cut_pages(model: Path) -> None:
    """Leave the first page only."""
    os.truncate(model, PAGE)


def overwrite_header(model: Path) -> None:
    """Make it look like no database."""
    with model.open("r+b") as file:
        file.write(b"no database any more")


def overwrite_pages(model: Path) -> None:
    """Leave the header and the schema, and nothing else."""
    size = model.stat().st_size
    with model.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xff" * (size - PAGE))


def remove(model: Path) -> None:
    """Remove the file alone."""
    model.unlink()


def remove_pointer(model: Path) -> None:
    """Remove the pointer."""
    (model.parent / "current").unlink()


def spoil_pointer(model: Path) -> None:
    """Put bytes in the place of the pointer that are no text."""
    (model.parent / "current").write_bytes(b"\xff\x00\xfe")


def remove_all(model: Path) -> None:
    """Remove all models with their folder."""
    shutil.rmtree(model.parent)


SPOILS: list[Callable[[Path], None]] = [
    set_version,
    set_ledger,
    empty,
    cut_header,
    cut_byte,
    cut_page,
    cut_pages,
    overwrite_header,
    overwrite_pages,
    remove,
    remove_pointer,
    spoil_pointer,
    remove_all,
]


@pytest.fixture(scope="module")
def twelve_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a ledger of twelve runs with its read model, to be copied."""
    folder = tmp_path_factory.mktemp("twelve") / "runs"
    append(folder, stories(12))
    catch_up(folder)
    return folder


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("more", [0, 1])
def test_a_model_that_cannot_be_used_is_built_anew(
    tmp_path: Path, twelve_runs: Path, spoil: Callable[[Path], None], more: int
) -> None:
    """A read just answers, whatever happened to the derived files, with and without news."""
    folder = shutil.copytree(twelve_runs, tmp_path / "runs")
    model = current_model(folder)
    assert model.with_name(f"{model.name}-wal").stat().st_size == 0

    spoil(model)
    last = append(folder, stories(more, first=12))

    with RunHistory(folder) as history:
        assert len(history.list_runs(limit=50)) == history.get_run_count() == 12 + more
    assert contents(current_model(folder)) == expected_contents(folder, last)


@pytest.mark.parametrize("spoil", SPOILS)
def test_an_open_history_survives_the_loss_of_its_model(
    tmp_path: Path, twelve_runs: Path, spoil: Callable[[Path], None]
) -> None:
    """A history that read the model before it was spoilt answers the next question right."""
    folder = shutil.copytree(twelve_runs, tmp_path / "runs")
    with RunHistory(folder) as history:
        assert history.get_run_count() == 12

        spoil(current_model(folder))
        last = append(folder, stories(2, first=12))

        assert len(history.list_runs(limit=50)) == history.get_run_count() == 14
        assert contents(current_model(folder)) == expected_contents(folder, last)


def test_an_open_history_tells_another_file_of_the_same_name(tmp_path: Path) -> None:
    """All models were removed and built anew by somebody else: the one it has open is history."""
    folder = tmp_path / "runs"
    append(folder, stories(2))
    with RunHistory(folder) as history:
        assert history.get_run_count() == 2
        shutil.rmtree(folder / "read-models")
        append(folder, stories(1, first=2))
        catch_up(folder)
        assert current_model(folder).name == "000001.sqlite"

        assert history.get_run_count() == 3


def test_a_stored_state_of_other_code_is_built_anew(tmp_path: Path) -> None:
    """A state that does not decode is no dead end: the model is derived, so it is made again."""
    folder = tmp_path / "runs"
    append(folder, story(1)[:3])
    catch_up(folder)
    with closing(sqlite3.connect(current_model(folder))) as connection:
        state = msgspec.msgpack.encode({"run_id": 5})
        changed = "UPDATE open_states SET state = ? WHERE projection = 'runs'"
        assert connection.execute(changed, (state,)).rowcount == 1
        connection.commit()

    last = append(folder, story(1)[3:])

    assert catch_up(folder) == last
    assert current_model(folder).name == "000002.sqlite"
    assert contents(current_model(folder)) == expected_contents(folder, last)


def test_an_open_history_follows_a_switch_of_generation(tmp_path: Path) -> None:
    """After another process has built the next generation, reads go there."""
    folder = tmp_path / "runs"
    append(folder, stories(2))
    with RunHistory(folder) as history:
        assert history.get_run_count() == 2
        Projector(LogReader(folder)).build_next()
        before, after = sorted((folder / "read-models").glob("*.sqlite"))
        assert current_model(folder) == after
        with closing(sqlite3.connect(before)) as connection:
            connection.execute("DELETE FROM runs")
            connection.commit()

        assert len(history.list_runs()) == 2
        append(folder, stories(1, first=2))
        assert history.get_run_count() == 3
        assert position_in(after) > position_in(before)


def test_a_generation_that_is_behind_is_brought_up_before_it_is_read(tmp_path: Path) -> None:
    """A switch never takes a reader back behind what it could see before."""
    folder = tmp_path / "runs"
    append(folder, stories(2))
    catch_up(folder)
    behind = copy_of(folder, "behind")
    append(folder, stories(3, first=2))
    with RunHistory(folder) as history:
        assert history.get_run_count() == 5
        models = ReadModels(folder / "read-models")
        path = models.next()
        shutil.copy(current_model(behind), path)
        models.switch_to(path)

        assert history.get_run_count() == 5
