"""What a spool has kept it gives back, in order, whatever a crash left at its end."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import AppendFailed
from ledger.remote.set_aside import SetAside
from ledger.remote.spool import (
    Record,
    Spool,
    SpoolHead,
    drop_begun,
    left_spools,
    refused_events,
    refused_path,
    spool_folder,
    spool_root,
)
from tests.ledger.interleaving import die, fork_just_before, in_fork, just_before

HEAD = SpoolHead("http://ledger.example", "r")


def record(number: int) -> Record:
    """Give a record that is told by its number."""
    return Record(msgspec.Raw(b'{"n":%d}' % number), number)


def numbers(spool: Spool) -> list[int | None]:
    """Give the numbers of all records."""
    found: list[int | None] = []
    offset = 0
    while records := list(spool.read(offset)):
        found += [one.expected_sequence for one, _ in records]
        offset = records[-1][1]
    return found


def test_a_spool_gives_back_what_it_kept(tmp_path: Path) -> None:
    """More than is read at once, too; it is not removed before the last of it was read."""
    spool = Spool.create(tmp_path, HEAD)
    large = msgspec.Raw(b'"%b"' % (b"x" * 60_000))
    for number in range(12):
        spool.append(Record(large, number))
    assert numbers(spool) == list(range(12))
    spool.close()

    again = Spool.take_over(spool.path)
    assert again is not None
    assert again.head == HEAD
    assert numbers(again) == list(range(12))
    kept = next(behind for _, behind in again.read(0))
    assert not again.remove_behind(kept)
    assert left_spools(tmp_path) == [spool.path]
    assert again.remove_behind(spool.path.stat().st_size)
    assert left_spools(tmp_path) == []


@given(cut=st.integers(1, 400), junk=st.binary(max_size=30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_end_is_read_up_to_its_last_whole_line(tmp_path: Path, cut: int, junk: bytes) -> None:
    """Cut anywhere, with anything behind: what is given back is the beginning, and it goes on."""
    spool = Spool.create(tmp_path, HEAD)
    for number in range(5):
        spool.append(record(number))
    spool.close()
    data = spool.path.read_bytes()
    kept = data[: max(len(data) - cut, data.index(b"\n") + 1)]
    spool.path.write_bytes(kept + junk)

    again = Spool.take_over(spool.path)
    assert again is not None
    whole = kept.count(b"}\n") - 1
    assert numbers(again)[:whole] == list(range(whole))
    again.append(record(99))
    assert numbers(again)[-1] == 99
    assert again.remove_behind(again.path.stat().st_size)


def test_a_spool_belongs_to_its_writer(tmp_path: Path) -> None:
    """While it is there nobody else sends it; a file that is no spool is left alone."""
    spool = Spool.create(tmp_path, HEAD)
    (tmp_path / "other.jsonl").write_bytes(b"{}\n")

    assert Spool.take_over(spool.path) is None
    assert Spool.take_over(tmp_path / "other.jsonl") is None
    assert Spool.take_over(tmp_path / "missing.jsonl") is None
    assert left_spools(tmp_path / "missing") == []
    assert refused_events(spool.path) == 0
    SetAside(refused_path(spool.path)).add([record(1).event], "because")
    assert refused_events(spool.path) == 1
    assert set(left_spools(tmp_path)) == {spool.path, tmp_path / "other.jsonl"}
    assert spool.remove_behind(spool.path.stat().st_size)


def test_nobody_takes_a_spool_that_is_being_made(tmp_path: Path) -> None:
    """Whoever looks just before it is locked finds nothing that could be locked in its place."""
    rivals: list[int] = []

    def lock_first() -> None:
        for path in left_spools(tmp_path):
            rivals.append(os.open(path, os.O_RDWR))
            fcntl.flock(rivals[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)

    def make() -> None:
        just_before({"fcntl.flock"}, lock_first)
        spool = Spool.create(tmp_path, HEAD)
        for rival in rivals:
            os.close(rival)
        assert Spool.take_over(spool.path) is None
        assert left_spools(tmp_path) == [spool.path]

    assert in_fork(make) == 0


def test_a_child_forked_during_the_taking_over_does_not_hold_a_spool(tmp_path: Path) -> None:
    """What was let go of is sent by whoever comes next, though the child lives on."""
    spool = Spool.create(tmp_path, HEAD)
    spool.close()

    def take_twice() -> None:
        children = fork_just_before({"fcntl.flock"})
        try:
            taken = Spool.take_over(spool.path)
            assert taken is not None
            taken.close()
            assert Spool.take_over(spool.path) is not None
        finally:
            os.kill(children[0], signal.SIGKILL)

    assert in_fork(take_twice) == 0


def test_what_a_killed_process_began_goes_some_day(tmp_path: Path) -> None:
    """A spool that was never finished holds nothing; one that may be under way is left alone."""

    def die_on_the_way() -> None:
        just_before({"os.rename"}, die)
        Spool.create(tmp_path, HEAD)

    assert in_fork(die_on_the_way) == -signal.SIGKILL
    [begun] = tmp_path.iterdir()
    then = begun.stat().st_mtime

    drop_begun(tmp_path, now=then + 3_600)
    assert begun.exists()
    spool = Spool.create(tmp_path, HEAD)
    drop_begun(tmp_path, now=then + 90_000)
    assert list(tmp_path.iterdir()) == [spool.path]


def in_child(action: Callable[[], None]) -> tuple[int, int, int]:
    """Run something in a forked child that waits, once it has begun, until it may go on.

    Gives its process id, a pipe that tells when it waits, and one that lets it go on.
    """
    waits, tell = os.pipe()
    wait, go_on = os.pipe()
    child = os.fork()
    if child:
        return child, waits, go_on
    code = 1
    with suppress(BaseException):
        action()
        os.write(tell, b".")
        os.read(wait, 1)
        try:
            action()
        except AppendFailed:
            code = 7
        else:
            code = 0
    os._exit(code)


def test_a_spool_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    """Neither a file that nobody would remove, nor an open descriptor."""

    def make_without_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(AppendFailed):
            Spool.create(tmp_path, HEAD)
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    child, _, go_on = in_child(make_without_space)
    os.write(go_on, b".")

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told_with_the_way_on(tmp_path: Path) -> None:
    """A container has often no home that could be written."""
    in_the_way = tmp_path / "spool"
    in_the_way.touch()

    with pytest.raises(AppendFailed, match=r"; RUNFOLD_SPOOL names another folder$"):
        Spool.create(in_the_way, HEAD)


def test_a_child_is_told_that_what_it_appends_to_was_removed(tmp_path: Path) -> None:
    """It has the file open still, but nobody would ever send what it keeps there."""
    spool = Spool.create(tmp_path, HEAD)
    child, waits, go_on = in_child(lambda: spool.append(record(1)))
    os.read(waits, 1)
    assert numbers(spool) == [1]
    assert spool.remove_behind(spool.path.stat().st_size)
    os.write(go_on, b".")

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_what_a_child_keeps_during_the_removal_is_found(tmp_path: Path) -> None:
    """Kept between the look and the removal, it is in the file, and the file is there."""

    def remove() -> None:
        spool = Spool.create(tmp_path, HEAD)
        child, waits, go_on = in_child(lambda: spool.append(record(1)))
        os.read(waits, 1)
        codes: list[int] = []

        def append_first() -> None:
            os.write(go_on, b".")
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        just_before({"os.rename", "os.remove"}, append_first)
        removed = spool.remove_behind(spool.path.stat().st_size)
        assert codes == [0]
        assert not removed
        assert left_spools(tmp_path) == [spool.path]
        assert numbers(spool) == [1, 1]

    assert in_fork(remove) == 0


def test_what_a_child_wrote_in_part_spoils_nothing(tmp_path: Path) -> None:
    """Its parent does not know of it, and the next event does not run into it."""
    spool = Spool.create(tmp_path, HEAD)
    spool.append(record(1))

    def write_in_part() -> None:
        most = spool.path.stat().st_size + 10
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        with pytest.raises(AppendFailed):
            spool.append(record(2))

    child, _, go_on = in_child(write_in_part)
    os.write(go_on, b".")
    os.waitpid(child, 0)
    assert not spool.path.read_bytes().endswith(b"\n")
    spool.append(record(3))

    assert numbers(spool) == [1, 3]


def test_much_that_is_torn_hides_nothing_behind_it(tmp_path: Path) -> None:
    """More than is read at once, in lines or in one piece: what comes later is not removed."""
    for torn in (b"torn\n" * 100_000, b"x" * 600_000):
        spool = Spool.create(tmp_path, HEAD)
        spool.append(record(1))
        end = spool.path.stat().st_size
        with spool.path.open("ab") as file:
            file.write(torn)
        spool.append(record(2))

        assert not spool.remove_behind(end)
        assert numbers(spool) == [1, 2]


def test_a_spool_that_goes_meanwhile_hides_no_other(tmp_path: Path) -> None:
    """One that was listed, and is gone when it is looked at, is left out."""
    spool = Spool.create(tmp_path, HEAD)
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "removed")

    assert left_spools(tmp_path) == [spool.path]


def test_each_ledger_has_a_folder_of_its_own() -> None:
    """Runs of the same id for two ledgers do not meet."""
    root = spool_root()

    assert spool_folder(root, "http://a") != spool_folder(root, "http://b")
    assert spool_folder(root, "http://a").parent == root
