"""Many read and one projects: each read sees all that was acknowledged before it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger import LogReader
from ledger.disk.lock import open_lock_file, try_flock
from ledger.errors import LedgerNotFound
from projections import RunHistory
from projections.engine.candidate import rebuild
from projections.engine.projector import Projector
from projections.errors import ProjectionBehind
from projections.projection import Projection
from tests.ledger.interleaving import fork_just_before, in_fork
from tests.projections.ledgers import (
    append,
    catch_up,
    contents,
    current_model,
    dump_of,
    has_passed,
    rebuilt,
    stories,
)
from tests.projections.processes import (
    GENEROUS,
    beside,
    context,
    counter,
    run_to_its_end,
    wait_until,
)
from tests.projections.programs import append_runs, project, read_on, stand_still


def is_stopped(pid: int) -> bool:
    """Ask the kernel whether a process stands still."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_each_reader_sees_what_was_acknowledged_before(tmp_path: Path) -> None:
    """Two processes that read while a third appends never miss a run, and agree at the end."""
    folder, count = tmp_path / "runs", 100
    append(folder, [])
    acknowledged = counter()
    pipes = [context.Pipe(duplex=False) for _ in range(2)]

    with (
        beside(read_on, folder, count, acknowledged, pipes[0][1]) as first,
        beside(read_on, folder, count, acknowledged, pipes[1][1]) as second,
        beside(append_runs, folder, count, acknowledged, 0.001) as writer,
    ):
        answers = []
        for said, _ in pipes:
            assert said.poll(GENEROUS)
            answers.append(said.recv())
        run_to_its_end(writer, first, second)

    assert [missed for missed, _ in answers] == [0, 0]
    assert answers[0] == answers[1] == (0, dump_of(rebuilt(folder)))


def test_a_projector_that_stands_still_is_named(tmp_path: Path) -> None:
    """Whoever waits for a stopped process gives up with its pid, and reads on when it goes on."""
    folder = tmp_path / "runs"
    append(folder, stories(1))
    catch_up(folder)
    last = append(folder, stories(20, first=1))
    said, saying = context.Pipe(duplex=False)

    with (
        beside(stand_still, folder, saying) as process,
        RunHistory(folder, patience=0.1) as history,
    ):
        assert said.poll(GENEROUS)
        pid = said.recv()
        with pytest.raises(ProjectionBehind) as caught:
            history.get_run_count()

        assert (caught.value.pid, caught.value.wanted) == (pid, last)
        assert caught.value.position == 9
        wait_until(is_stopped, pid)
        os.kill(pid, signal.SIGCONT)
        run_to_its_end(process)
        assert history.get_run_count() == 21


def test_whoever_waits_is_content_when_another_process_gets_there(tmp_path: Path) -> None:
    """Reading does not wait for the lock longer than for the position it wants."""
    folder = tmp_path / "runs"
    append(folder, stories(1))
    catch_up(folder)
    fd = open_lock_file(folder / "read-models" / "projector.lock")
    assert try_flock(fd)

    Projector(LogReader(folder), patience=0).catch_up(9)

    with pytest.raises(ProjectionBehind):
        Projector(LogReader(folder), patience=0).catch_up(10)
    os.close(fd)


def test_a_model_that_somebody_else_moved_is_left_to_them(tmp_path: Path) -> None:
    """Two that project at once, as the lock's file was removed, take no event twice."""
    folder = tmp_path / "runs"
    append(folder, stories(20))
    catch_up(folder)
    model = current_model(folder)
    append(folder, stories(30, first=20))

    with beside(project, folder, 5) as first:
        wait_until(has_passed, model, 161)
        (folder / "read-models" / "projector.lock").unlink()
        with beside(project, folder, 5) as second:
            run_to_its_end(first, second)

    catch_up(folder)
    assert current_model(folder) == model
    assert contents(model) == contents(current_model(rebuilt(folder)))


def test_reading_never_makes_a_folder(tmp_path: Path) -> None:
    """Neither where there is no ledger, nor where there is none any more."""
    (tmp_path / "empty").mkdir()
    for name in ("missing", "empty"):
        with pytest.raises(LedgerNotFound):
            RunHistory(tmp_path / name)
    append(tmp_path / "runs", stories(1))
    with RunHistory(tmp_path / "runs") as history:
        history.list_runs()
        shutil.rmtree(tmp_path / "runs")
        with pytest.raises(LedgerNotFound):
            history.list_runs()

    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert not list((tmp_path / "empty").iterdir())


def test_a_child_that_was_forked_meanwhile_keeps_nobody_from_projecting(tmp_path: Path) -> None:
    """It has the lock's file open as long as it lives; the lock is freed all the same."""
    folder = tmp_path / "runs"
    append(folder, stories(1))
    catch_up(folder)

    def project_twice() -> None:
        children = fork_just_before({"sqlite3.connect"})
        projector = Projector(LogReader(folder), patience=0.1)
        projector.catch_up(append(folder, stories(1, first=1)))
        last = append(folder, stories(1, first=2))
        try:
            projector.catch_up(last)
        finally:
            os.kill(children[0], signal.SIGKILL)
        assert projector.position() == last

    assert in_fork(project_twice) == 0


def test_a_child_that_was_forked_meanwhile_keeps_nobody_from_rebuilding(tmp_path: Path) -> None:
    """It has the lock's file open as long as it lives; the lock is freed all the same."""
    folder = tmp_path / "runs"
    append(folder, stories(1))

    def rebuild_twice() -> None:
        reader = LogReader(folder)
        children = fork_just_before({"sqlite3.connect"})
        try:
            first = rebuild(reader, Projector(reader))
            assert rebuild(reader, Projector(reader)) != first
        finally:
            os.kill(children[0], signal.SIGKILL)

    assert in_fork(rebuild_twice) == 0


def test_a_child_projects_while_a_thread_of_its_parent_learns_what_to_project(
    tmp_path: Path,
) -> None:
    """That may take as long as a package takes to load, and holds up no forked child."""
    folder = tmp_path / "runs"
    last = append(folder, stories(1))
    begun, ended = threading.Event(), threading.Event()

    class LongLoaded(list[Projection[Any]]):
        def __iter__(self) -> Iterator[Projection[Any]]:
            begun.set()
            ended.wait()
            return super().__iter__()

    waiting = Projector(LogReader(folder), projections=LongLoaded())
    thread = threading.Thread(target=lambda: waiting.projections)
    thread.start()
    begun.wait()
    try:
        assert in_fork(lambda: Projector(LogReader(folder)).catch_up(last)) == 0
    finally:
        ended.set()
        thread.join()
