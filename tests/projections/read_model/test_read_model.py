"""The read model's files: generations that are never replaced in place, and their pointer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from ledger.disk.folder import LedgerFolder
from ledger.line.codec import ZERO_HASH
from projections.read_model.read_model import (
    PAGE,
    VERSION,
    Checkpoint,
    ReadModels,
    is_broken,
    read_checkpoint,
)
from projections.read_model.row_store import projected
from projections.registry import registered
from tests.projections.ledgers import append

EMPTY = Checkpoint(VERSION, "a-ledger", 0, ZERO_HASH)


def make(models: ReadModels) -> Path:
    """Make the next generation, empty, without switching to it."""
    with models.building(EMPTY, registered()) as (path, _):
        return path


def names_in(folder: Path) -> set[str]:
    """List the databases in a folder."""
    return {path.name for path in folder.glob("*.sqlite*")}


def test_a_new_model_stands_at_nothing(tmp_path: Path) -> None:
    """It has all tables, no rows, and the checkpoint it was made with."""
    models = ReadModels(tmp_path)

    with closing(models.reading(make(models))) as connection:
        assert read_checkpoint(connection) == EMPTY
        for table in ("runs", "runs_counts", "run_ids", "open_states", "parked"):
            counted = connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
            assert counted.fetchone() == (0,)
        assert projected(connection) == {one.name: one.version for one in registered()}


def test_a_reading_connection_cannot_write(tmp_path: Path) -> None:
    """Only the projector writes; whoever reads can do no harm."""
    models = ReadModels(tmp_path)

    with (
        closing(models.reading(make(models))) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM runs")


def test_generations_are_counted_and_only_the_last_two_are_kept(tmp_path: Path) -> None:
    """A reader that is about to open the generation before still finds it."""
    models = ReadModels(tmp_path)

    for number in (1, 2, 3):
        path = make(models)
        assert path.name == f"{number:06d}.sqlite"
        models.switch_to(path)
        assert models.current() == path

    assert names_in(tmp_path) == {"000002.sqlite", "000003.sqlite"}
    assert (tmp_path / "current").read_text() == "000003.sqlite\n"


def test_what_a_dead_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """A build that dies again and again does not fill the disk, and no number comes twice."""
    models = ReadModels(tmp_path)
    models.switch_to(make(models))
    for number in (2, 3, 4):
        assert make(models).name == f"{number:06d}.sqlite"

    assert names_in(tmp_path) == {"000001.sqlite", "000004.sqlite"}
    assert models.current() == tmp_path / "000001.sqlite"


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Its file is removed at once, and the one that is current stays."""
    models = ReadModels(tmp_path)
    models.switch_to(make(models))

    def build_in_vain() -> None:
        with models.building(EMPTY, registered()) as (path, _):
            assert path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_in_vain()

    assert names_in(tmp_path) == {"000001.sqlite"}
    assert models.current() == tmp_path / "000001.sqlite"


def test_a_number_whose_log_is_still_there_is_not_taken_again(tmp_path: Path) -> None:
    """Pages in the write-ahead log of a database that was removed never reach another one."""
    models = ReadModels(tmp_path)
    path = make(models)
    models.switch_to(path)
    with closing(models.reading(path)) as reader, closing(models.connect_to_write(path)) as writer:
        reader.execute("SELECT * FROM runs").fetchall()
        writer.execute("UPDATE checkpoint SET position = 17")
        assert (tmp_path / "000001.sqlite-wal").stat().st_size > 0
        path.unlink()

        following = make(models)
        assert following.name == "000002.sqlite"
        with closing(models.reading(following)) as connection:
            assert read_checkpoint(connection) == EMPTY


@pytest.mark.parametrize(
    "pointer",
    [
        b"",
        b"\n",
        b"\x00\xff\xfe garbage",
        b"000002.sqlite\n",
        b"../000001.sqlite\n",
        b"/etc/passwd\n",
        b"projector.lock\n",
        b".\n",
        b"x" * 100_000,
    ],
    ids=lambda pointer: repr(pointer[:20]),
)
def test_a_pointer_to_nothing_points_to_nothing(tmp_path: Path, pointer: bytes) -> None:
    """Only the name of a generation that is there counts; no other path is ever followed."""
    folder = tmp_path / "read-models"
    folder.mkdir()
    models = ReadModels(folder)
    make(models)
    make(ReadModels(tmp_path))
    (folder / "projector.lock").touch()

    (folder / "current").write_bytes(pointer)

    assert models.current() is None


def test_without_a_pointer_there_is_no_current_model(tmp_path: Path) -> None:
    """Neither an empty folder nor a missing one has a current generation."""
    assert ReadModels(tmp_path).current() is None
    assert ReadModels(tmp_path / "missing").current() is None


def test_models_lie_in_a_ledger_that_can_be_written(tmp_path: Path) -> None:
    """They are beside the log, even where somebody removed their folder."""
    append(tmp_path / "runs", [])
    folder = LedgerFolder(tmp_path / "runs")

    assert ReadModels.of(folder).path == tmp_path / "runs" / "read-models"
    folder.read_models.rmdir()
    assert ReadModels.of(folder).path == tmp_path / "runs" / "read-models"


def sqlite_error(path: Path, statement: str) -> sqlite3.Error:
    """Have SQLite refuse a statement, and give its error."""
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.Error) as caught:
        connection.execute(statement)
    return caught.value


def test_a_broken_file_is_told_from_other_trouble(tmp_path: Path) -> None:
    """What a rebuild would mend is broken; a wrong statement or a missing folder is not."""
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"no database" * 1000)
    cut = make(ReadModels(tmp_path))
    cut.write_bytes(cut.read_bytes()[: -PAGE - 1000])

    assert is_broken(sqlite_error(garbage, "SELECT * FROM runs"))
    assert is_broken(sqlite_error(cut, "SELECT * FROM runs"))
    assert not is_broken(sqlite_error(tmp_path / "new", "SELECT * FROM runs"))
    assert not is_broken(sqlite_error(tmp_path / "new", "no SQL at all"))
    with pytest.raises(msgspec.DecodeError) as unreadable:
        msgspec.msgpack.decode(b"\xc1")
    assert is_broken(unreadable.value)
    assert not is_broken(OSError("disk"))
    assert not is_broken(KeyboardInterrupt())
