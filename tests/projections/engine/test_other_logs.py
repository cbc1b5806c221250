"""A read model and a log that do not belong together: never gone on from in silence."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ledger import EventLog
from ledger.disk.folder import segment_name
from ledger.disk.lock import open_lock_file
from ledger.disk.mark import read_mark, write_mark
from ledger.integrity.repair import repair
from projections import RunHistory
from projections.errors import ReadModelOfAnotherLog
from tests.projections.ledgers import (
    append,
    catch_up,
    copy_of,
    current_model,
    dump_of,
    rebuilt,
    stories,
    story,
)
from tests.projections.payloads import annotated
from tests.projections.recorded import tell


def test_another_log_in_the_same_folder_is_projected_anew(tmp_path: Path) -> None:
    """A model whose ledger was replaced is no model of this one."""
    folder, other = tmp_path / "runs", tmp_path / "other"
    append(folder, stories(3))
    append(other, stories(2, first=7))
    with RunHistory(folder) as history:
        assert history.get_run_count() == 3
        for part in ("events", "ledger.json", "lock"):
            remains = folder / part
            shutil.rmtree(remains) if remains.is_dir() else remains.unlink()
            shutil.move(other / part, remains)

        assert [run.run_id for run in RunHistory(folder).list_runs()] == ["run-0008", "run-0007"]


def restore(folder: Path, backup: Path) -> None:
    """Put the log back to what it was, but not what was derived from it."""
    shutil.rmtree(folder / "events")
    shutil.copytree(backup / "events", folder / "events")
    shutil.copy(backup / "lock", folder / "lock")


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("more", [0, 2, 9])
def test_a_log_that_was_cut_is_an_alarm(tmp_path: Path, more: int, is_open: bool) -> None:
    """The same ledger with other events at the checkpoint, or none, is never just gone on from."""
    folder = tmp_path / "runs"
    append(folder, stories(2))
    backup = copy_of(folder, "backup")
    append(folder, stories(1, first=2))
    with RunHistory(folder) as history:
        assert history.get_run_count() == 3
        if not is_open:
            history.close()
        restore(folder, backup)
        append(folder, stories(more, first=7))

        for _ in range(2):
            with pytest.raises(ReadModelOfAnotherLog) as caught:
                history.get_run_count()
        assert caught.value.position == 1 + 3 * 8
        assert caught.value.path == current_model(folder)

        shutil.rmtree(folder / "read-models")
        assert history.get_run_count() == 2 + more


def test_an_altered_log_of_the_same_length_is_an_alarm(tmp_path: Path) -> None:
    """A history that is opened compares the leaf hash at the checkpoint, with or without news."""
    folder = tmp_path / "runs"
    append(folder, story(1)[:4])
    backup = copy_of(folder, "backup")
    append(folder, story(1)[4:])
    catch_up(folder)
    restore(folder, backup)
    append(folder, [*story(1)[4:7], *tell(annotated(seen=False), run_id="run-0001")])

    with RunHistory(folder) as history, pytest.raises(ReadModelOfAnotherLog, match="leaf hash"):
        history.list_runs()


def test_a_damaged_log_is_served_as_far_as_it_is_sound(tmp_path: Path) -> None:
    """What was built before stays; what is built over the damage says what is out of reach."""
    folder = tmp_path / "runs"
    append(folder, stories(2))
    catch_up(folder)
    segment = next((folder / "events").iterdir())
    spoilt = segment.read_bytes().replace(b'"seen":true', b'"seen":null')
    segment.write_bytes(spoilt)

    with RunHistory(folder) as history:
        assert len(history.list_runs()) == 2
        assert history.out_of_reach() == []
    shutil.rmtree(folder / "read-models")
    with RunHistory(folder) as history:
        assert len(history.list_runs()) == 2
        lost = sum(item.count for item in history.out_of_reach())
        assert lost == spoilt.count(b'"seen":null')
        assert history.catch_up() == history.reader.position


@pytest.mark.parametrize("is_open", [True, False])
def test_a_log_shorter_than_its_mark_is_told_of(tmp_path: Path, is_open: bool) -> None:
    """What was built before is served, and every answer says which positions are gone."""
    folder = tmp_path / "runs"
    append(folder, stories(2))
    with RunHistory(folder) as history:
        assert (len(history.list_runs()), history.out_of_reach()) == (2, [])
        last = history.catch_up()
        segment = next((folder / "events").iterdir())
        lines = segment.read_bytes().splitlines(keepends=True)
        segment.write_bytes(b"".join(lines[:-2]))
        if not is_open:
            history.close()

        for asked in (history, RunHistory(folder)):
            (cut,) = asked.out_of_reach()
            assert (cut.first, cut.last, cut.size) == (last - 1, last, 0)
            assert len(asked.list_runs()) == 2
            asked.close()


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize(("lost", "more"), [(1, 0), (4, 0), (4, 1), (4, 9)])
def test_positions_that_were_lost_and_given_out_again_are_shown(
    tmp_path: Path, lost: int, more: int, is_open: bool
) -> None:
    """What a repair and runs after it append there is no part of what a model took for lost."""
    folder = tmp_path / "runs"
    append(folder, stories(2))
    lines = (folder / "events" / segment_name(1)).read_bytes().splitlines(keepends=True)
    os.truncate(folder / "events" / segment_name(1), sum(map(len, lines[:-lost])))
    with RunHistory(folder) as history:
        assert history.standing()[0] == len(lines)
        if not is_open:
            history.close()
        done = repair(folder, actor="me", reason="a disk died")
        assert (done.first_again, done.last_again) == (len(lines) - lost + 1, len(lines))
        last = append(folder, stories(more, first=2)) if more else done.position

        assert history.standing() == (last, [])
        assert history.get_run_count() == 2 + more
    assert dump_of(folder) == dump_of(rebuilt(folder))


def test_lines_that_were_restored_are_shown(tmp_path: Path) -> None:
    """A model that was built while a segment was away is built anew once that is back."""
    folder, away = tmp_path / "runs", tmp_path / "away"
    with EventLog.open(folder, segment_bytes=2000) as log:
        for event in stories(3):
            log.append(event)
    segment = sorted((folder / "events").iterdir())[1]
    shutil.move(segment, away)
    with RunHistory(folder) as history:
        assert history.out_of_reach() != []

    shutil.move(away, segment)

    with RunHistory(folder) as history:
        assert history.out_of_reach() == []
        assert [run.anomalies for run in history.list_runs()] == [(), (), ()]
    assert dump_of(folder) == dump_of(rebuilt(folder))


def test_a_mark_that_a_power_cut_set_back_is_no_alarm(tmp_path: Path) -> None:
    """Until somebody opens the log to write, a model may be ahead of the mark of another boot."""
    folder = tmp_path / "runs"
    append(folder, stories(1))
    fd = open_lock_file(folder / "lock")
    early = read_mark(fd)
    append(folder, stories(2, first=1))
    catch_up(folder)
    assert early is not None
    write_mark(fd, type(early)(early.segment, early.offset, early.position, "an-earlier-boot"))
    os.close(fd)

    with RunHistory(folder) as history:
        assert history.get_run_count() == 3
        append(folder, stories(1, first=3))
        assert history.get_run_count() == 4
