"""The making of a ledger: by several at once, and interrupted at any moment."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import LedgerDamaged, LedgerError, LedgerNotFound, LedgerUnwritable
from tests.faults.workshop import Workshop
from tests.ledger.damage import lose_lock
from tests.ledger.examples import acknowledgement, run_started
from tests.ledger.processes import finish, needs_strace, start
from tests.ledger.witness import assert_whole, mark_of, segments_of, snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a data folder that is not there yet, in folders that are not there either."""
    return tmp_path / "deep" / "deeper" / "runs"


def check_works(folder: Path) -> None:
    """Show that the ledger opens, takes an event, and begins with its own identity."""
    with EventLog.open(folder) as log:
        position = log.append(acknowledgement()).position
    lines = assert_whole(folder)
    identity = json.loads((folder / "ledger.json").read_text())
    assert lines[0]["type"] == "ledger_created"
    assert lines[0]["data"] == {"ledger_id": identity["ledger_id"], "format": 1}
    assert len([line for line in lines if line["type"] == "ledger_created"]) == 1
    assert mark_of(folder)[2] == position == len(lines)


def test_a_new_folder_is_laid_out(folder: Path) -> None:
    """The folder of the design is there, with one line and its mark."""
    EventLog.open(folder).close()

    assert sorted(path.name for path in folder.iterdir()) == [
        "events",
        "index",
        "ledger.json",
        "lock",
        "quarantine",
        "read-models",
        "writers",
    ]
    assert mark_of(folder)[2] == len(assert_whole(folder)) == 1


@pytest.mark.parametrize("kind", [str, Path])
def test_the_address_of_a_ledger_elsewhere_makes_no_folder(
    tmp_path: Path, kind: type[str | Path]
) -> None:
    """A log is opened in a folder; who gives an address is told what records there."""
    with contextlib.chdir(tmp_path):
        with pytest.raises(LedgerUnwritable, match=r"RunContext\.start and runfold exec"):
            EventLog.open(kind("https://ledger.example:8000"))

        assert not list(tmp_path.iterdir())


@needs_strace
def test_the_new_folders_are_durable_too(folder: Path, tmp_path: Path) -> None:
    """An acknowledged event is not lost with the entry of a folder that was made for it."""
    trace = tmp_path / "trace"

    finish(start("append", folder, 1, trace=trace))

    for made in (folder / "events", folder, *folder.parents[:2]):
        assert f"<{made.parent}>" in trace.read_text()


def test_an_empty_folder_and_one_with_other_files_are_fine(tmp_path: Path) -> None:
    """A ledger is laid out beside what is there, and touches none of it."""
    (tmp_path / "mine.txt").write_text("mine")

    check_works(tmp_path)

    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_threads_make_one_ledger(folder: Path) -> None:
    """Of many that open a new folder at once, one makes it and all get the same one."""
    with ThreadPoolExecutor(8) as pool:
        logs = list(pool.map(lambda _: EventLog.open(folder), range(8)))
    for log in logs:
        log.append(acknowledgement())
        log.close()

    assert len({log.reader.identity.ledger_id for log in logs}) == 1
    assert len(assert_whole(folder)) == 9


def test_processes_make_one_ledger(folder: Path) -> None:
    """The same holds for processes."""
    for process in [start("append", folder, 3) for _ in range(5)]:
        assert len(finish(process)) == 3

    assert len(assert_whole(folder)) == 16
    check_works(folder)


@needs_strace
@pytest.mark.parametrize(
    ("call", "most"),
    [
        ("mkdir", 7),
        ("flock", 7),
        ("write", 4),
        ("fsync", 6),
        ("rename", 2),
        ("fdatasync", 2),
        ("pwrite64", 2),
    ],
)
def test_a_kill_at_any_step_of_the_making(
    folder: Path, workshop: Workshop, call: str, most: int
) -> None:
    """However its maker ends, the next one finishes the ledger; readers see none or a sound one."""
    folder.mkdir(parents=True)

    def end_at(number: int) -> int:
        there = folder / f"{call}-{number}"
        fault = f"{call}:signal=SIGKILL:when={number}"
        _, code = workshop.run("append_some", there, "w", 1 << 26, 0, inject=[fault])
        try:
            assert len(list(LogReader(there).read())) <= 1
        except LedgerNotFound:
            assert code
        check_works(there)
        return code

    first, *_, last = map(end_at, range(1, most + 1))

    assert first != 0
    assert last == 0, f"{call} is called more often than this test believes"


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_torn_first_line(folder: Path, size: int) -> None:
    """Where the very first line was torn, the log still begins with its identity."""
    EventLog.open(folder).close()
    (segment,) = segments_of(folder)
    line = segment.read_bytes()
    segment.write_bytes(line[:size])
    (folder / "lock").write_bytes(b"")

    check_works(folder)

    if size:
        assert [line["type"] for line in assert_whole(folder)][1] == "ledger_recovered"


def test_the_identity_of_another_ledger_is_refused(folder: Path, tmp_path: Path) -> None:
    """Where ``ledger.json`` comes from elsewhere, nothing is appended, and both ids are named."""
    EventLog.open(folder).close()
    own = LogReader(folder).identity.ledger_id
    with EventLog.open(tmp_path / "other") as other:
        foreign = other.reader.identity.ledger_id
    (folder / "ledger.json").write_bytes((tmp_path / "other" / "ledger.json").read_bytes())
    before = snapshot(folder)

    with pytest.raises(LedgerDamaged) as caught:
        EventLog.open(folder)

    assert caught.value.segment == "ledger.json"
    assert own in caught.value.reason
    assert foreign in caught.value.reason
    assert snapshot(folder) == before


def test_a_ledger_without_its_log_is_damaged(folder: Path) -> None:
    """An identity without a segment was never left by a crash: no second log is begun."""
    EventLog.open(folder).close()
    segments_of(folder)[0].unlink()
    lose_lock(folder)

    with pytest.raises(LedgerDamaged):
        EventLog.open(folder)

    assert segments_of(folder) == []


def test_missing_folders_beside_the_log_are_made_again(folder: Path) -> None:
    """What is derived, or empty between runs, may be deleted at any time."""
    EventLog.open(folder).close()
    for name in ("index", "writers", "quarantine", "read-models"):
        (folder / name).rmdir()
    with segments_of(folder)[0].open("ab") as segment:
        segment.write(b"torn")

    check_works(folder)


def test_a_lock_file_deleted_under_a_writer(folder: Path) -> None:
    """A live writer makes the lock and its mark anew, and others find the same one."""
    with EventLog.open(folder) as first, EventLog.open(folder) as second:
        for _ in range(3):
            lose_lock(folder)
            position = first.append(acknowledgement()).position
            assert mark_of(folder)[2] == position
            assert second.append(acknowledgement()).position == position + 1

    check_works(folder)


@pytest.mark.parametrize("kind", ["symlink", "folder", "dangling"])
def test_a_lock_that_is_no_file_is_refused(folder: Path, kind: str) -> None:
    """A lock elsewhere would lock nobody out, so a link is never followed, by anyone."""
    EventLog.open(folder).close()
    elsewhere = folder.parent / "elsewhere"
    lose_lock(folder)
    if kind == "folder":
        (folder / "lock").mkdir()
    else:
        (folder / "lock").symlink_to(elsewhere)
        if kind == "symlink":
            elsewhere.write_bytes(b"")
    before = snapshot(folder.parent)

    with pytest.raises(LedgerUnwritable):
        EventLog.open(folder)
    with pytest.raises(LedgerError):
        list(LogReader(folder).read())

    assert snapshot(folder.parent) == before


def test_a_copy_without_a_lock_can_be_read(folder: Path) -> None:
    """A reader of a copied folder sees every whole batch, and makes no lock."""
    with EventLog.open(folder) as log:
        log.append(run_started("r"))
    lose_lock(folder)

    assert [event.position for event in LogReader(folder).read()] == [1, 2]
    assert not (folder / "lock").exists()
