"""A rebuild: by workers or alone it comes to the same, and until it is done nobody sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger import LogReader
from projections import RunHistory
from projections.engine.candidate import rebuild
from projections.engine.parallel_fold import WorkerFailed, folded_parts, worth_it
from projections.engine.projector import Projector
from projections.engine.rebuilding import build
from projections.errors import CandidateBusy, ProjectionFailed, ProjectionMissing
from projections.projection import Projection
from projections.read_model.read_model import ReadModels
from projections.runs.run_rows import RunRows
from tests.ledger.damage import flip
from tests.projections.ledgers import append, copy_of, current_model, dump_of, stories
from tests.projections.payloads import annotated, ended, started
from tests.projections.recorded import tell
from tests.projections.tally import BREAKS_EVOLVE, ODD_ROWS, Tally
from tests.web.serving import eventually, serving

SMALL = 20
"""Events a part: so small that a short log has many, and is worth the workers."""

Dump = list[tuple[str, str, str]]


def build_by_parts(
    folder: Path, part: int, projections: Sequence[Projection[Any]] = (RunRows(),)
) -> list[tuple[int, int]]:
    """Build a model in parts of so many events, and make it current; give the progress it told."""
    told: list[tuple[int, int]] = []
    reader = LogReader(folder)
    models = ReadModels.of(reader.folder)
    models.path.mkdir(exist_ok=True)
    path = build(reader, models, projections, lambda *at: told.append(at), part=part)
    models.switch_to(path)
    return told


def test_by_workers_a_model_is_what_it_is_without(tmp_path: Path) -> None:
    """Runs that span parts, late remarks and all; and the build tells how far it has come."""
    last = append(tmp_path / "runs", [*stories(30), *tell(started(), run_id="open")])
    other = copy_of(tmp_path / "runs", "other")
    assert worth_it(last, [RunRows()], SMALL)

    told = build_by_parts(tmp_path / "runs", SMALL)
    alone = build_by_parts(other, last)

    assert dump_of(tmp_path / "runs") == dump_of(other)
    assert [position for position, _ in told] == [*range(SMALL, last, SMALL), last]
    assert {goal for _, goal in told} == {last}
    assert alone[-1] == (last, last)


def test_over_damage_workers_leave_the_rest_to_the_careful_way(tmp_path: Path) -> None:
    """What is sound is folded, and what is out of reach is said, as without workers."""
    folder = tmp_path / "runs"
    last = append(folder, stories(30))
    segment = LogReader(folder).folder.segment(1)
    flip(segment, segment.stat().st_size // 2)
    other = copy_of(folder, "other")

    build_by_parts(folder, SMALL)
    build_by_parts(other, last)

    assert dump_of(folder) == dump_of(other)
    with RunHistory(folder) as history, RunHistory(other) as another:
        assert history.out_of_reach() == another.out_of_reach() != []


def test_a_projection_that_fails_in_a_worker_is_named(tmp_path: Path) -> None:
    """With the position of the event; the model that was current stays, and nothing is left."""
    folder = tmp_path / "runs"
    append(folder, stories(20))
    projector = Projector(LogReader(folder), projections=[RunRows(), Tally()])
    projector.catch_up(LogReader(folder).position)
    before = current_model(folder)
    bad = append(folder, tell(started(), annotated(BREAKS_EVOLVE), run_id="bad"))
    append(folder, stories(1, first=20))

    with pytest.raises(ProjectionFailed) as caught:
        build_by_parts(folder, SMALL, [RunRows(), Tally()])

    assert (caught.value.name, caught.value.position) == ("tally", bad)
    assert current_model(folder) == before
    assert [path.name for path in before.parent.glob("*.sqlite")] == [before.name]


@pytest.mark.parametrize("note", ["refused by the table", *ODD_ROWS])
def test_rows_that_no_table_takes_are_named_though_workers_made_them(
    tmp_path: Path, note: str
) -> None:
    """With the projection and the position, as without workers; and nothing is left."""
    append(tmp_path, stories(1))
    bad = append(tmp_path, tell(started(), annotated(note), ended(), run_id="bad"))
    append(tmp_path, stories(12, first=1))

    with pytest.raises(ProjectionFailed) as caught:
        build_by_parts(tmp_path, SMALL, [RunRows(), Tally()])

    assert (caught.value.name, caught.value.position) == ("tally", bad)
    assert list((tmp_path / "read-models").glob("*.sqlite*")) == []


def test_workers_that_are_ended_are_missed(tmp_path: Path) -> None:
    """Whoever waits for a part of theirs is told, and none of them is left."""
    last = append(tmp_path, stories(40))
    parts = folded_parts(tmp_path, [RunRows()], 0, last, SMALL)
    next(parts)

    for process in _workers():
        os.kill(process, signal.SIGKILL)

    with pytest.raises(WorkerFailed):
        list(parts)
    assert _workers() == []


def _workers() -> list[int]:
    """Find the processes that this one has started to fold."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid() and b"projections.engine.fold_worker" in command:
            found.append(int(entry.name))
    return found


_REBUILD = """
import sys
from ledger import LogReader
from projections.engine.candidate import rebuild
from projections.engine.projector import Projector
def tell(position, last):
    print(position, flush=True)
    sys.stdin.readline()
reader = LogReader(sys.argv[1])
rebuild(reader, Projector(reader), tell)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_rebuild_that_is_stopped_leaves_the_live_model(
    tmp_path: Path, number: signal.Signals
) -> None:
    """It is served on as it was, and the next rebuild starts clean."""
    append(tmp_path, stories(5))
    before = dump_of(tmp_path)
    live = current_model(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", _REBUILD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    process.communicate(timeout=60)

    assert (dump_of(tmp_path), current_model(tmp_path)) == (before, live)
    assert rebuilt_anew(tmp_path) == current_model(tmp_path) != live
    assert dump_of(tmp_path) == before


def rebuilt_anew(folder: Path) -> Path:
    """Rebuild the model of a ledger, and give its new place."""
    reader = LogReader(folder)
    return rebuild(reader, Projector(reader))


def test_no_read_waits_for_a_rebuild(tmp_path: Path) -> None:
    """What is appended meanwhile is seen at once, and in the next generation too."""
    append(tmp_path, stories(3))
    reader = LogReader(tmp_path)
    with RunHistory(tmp_path, patience=0) as history:
        live = history.get_run_count()
        seen: list[int] = []

        def go_on(_position: int, _last: int) -> None:
            if not seen:
                append(tmp_path, stories(1, first=3))
            seen.append(history.get_run_count())
            with pytest.raises(CandidateBusy):
                rebuilt_anew(tmp_path)

        before = current_model(tmp_path)
        following = rebuild(reader, Projector(reader), go_on)

        assert (live, set(seen)) == (3, {4})
        assert current_model(tmp_path) == following != before
        assert Projector(reader).position() == reader.position
        assert history.get_run_count() == 4


def test_a_running_server_follows_a_rebuild(tmp_path: Path) -> None:
    """It answers from the generation that another process has just made current."""
    append(tmp_path, stories(3))
    with serving(tmp_path) as server:
        assert len(server.runs()) == 3
        live = current_model(tmp_path)

        rebuilt_anew(tmp_path)
        following = current_model(tmp_path)
        append(tmp_path, stories(1, first=3))

        assert eventually(lambda: len(server.runs()) == 4)
        assert current_model(tmp_path) == following != live
        assert server.process.pid in _readers_of(following)


def _readers_of(path: Path) -> set[int]:
    """Find the processes that have a file open."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if entry.readlink() == path.resolve():
                found.add(int(entry.parts[2]))
        except (FileNotFoundError, PermissionError):
            continue
    return found


class NewerTally(Tally):
    """The same projection, as a later version of its package has it."""

    version = 2


def test_older_code_leaves_the_model_of_newer_code_alone(tmp_path: Path) -> None:
    """It says which version it lacks; to build its own would make the two take turns for ever."""
    position = append(tmp_path, stories(2))
    reader = LogReader(tmp_path)
    Projector(reader, projections=[RunRows(), NewerTally()]).catch_up(position)
    model = current_model(tmp_path)
    position = append(tmp_path, stories(1, first=2))

    with pytest.raises(ProjectionMissing) as caught:
        Projector(reader, projections=[RunRows(), Tally()]).catch_up(position)

    assert (caught.value.name, caught.value.version) == ("tally", 2)
    assert current_model(tmp_path) == model
