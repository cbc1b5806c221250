"""As-of: lists and runs as they were are those of a ledger that was cut there."""

from __future__ import annotations

import json
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader, NewEvent
from ledger.errors import InvalidEvent
from projections import RunHistory
from projections.errors import AsOfNotReached
from projections.listing.run_filter import RunFilter
from projections.listing.run_order import RunKey, RunOrder
from tests.projections.drawn_runs import filters, interleaved_runs
from tests.projections.past_ledgers import cut_at, write_log
from tests.projections.payloads import abandoned, annotated, began, done, ended, started
from tests.projections.recorded import tell


def unjudged(texts: list[str]) -> list[str]:
    """Leave out what depends on the clock."""
    return [re.sub(r'"liveness":"[a-z ]+"', '"liveness":null', text) for text in texts]


@settings(max_examples=3)
@given(interleaved_runs(max_runs=5), st.data())
def test_every_past_is_what_a_log_cut_there_says_now(
    events: list[NewEvent], data: st.DataObject
) -> None:
    """For every position: each list, its pages, and each run, byte for byte."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "runs")
        last = write_log(folder, events)
        with RunHistory(folder) as history:
            for position in range(1, last + 1):
                cut = cut_at(folder, position, Path(name, str(position)))
                with RunHistory(cut) as then:
                    assert_same_lists(history, then, position, data)
                    assert_same_runs(history, then, position)


def assert_same_lists(
    history: RunHistory, then: RunHistory, position: int, data: st.DataObject
) -> None:
    """Compare the plain list, and some drawn ones page by page."""
    page = history.runs_page(as_of=position)
    assert list(page.items) == unjudged(list(then.runs_page().items))
    assert (page.position, page.total) == (position, None)
    for _ in range(4):
        matching, order = data.draw(filters), data.draw(st.sampled_from(RunOrder))
        after: RunKey | None = None
        while True:
            page = history.runs_page(
                matching=matching, order=order, limit=2, after=after, as_of=position
            )
            now = then.runs_page(matching=matching, order=order, limit=2, after=after)
            assert list(page.items) == unjudged(list(now.items))
            assert page.after == now.after
            if page.after is None:
                break
            after = page.after


def assert_same_runs(history: RunHistory, then: RunHistory, position: int) -> None:
    """Compare each run there is now, whether it had begun or not."""
    for item in history.runs_page().items:
        run_id = json.loads(item)["run_id"]
        past, now = history.run_json(run_id, as_of=position), then.run_json(run_id)
        assert [past] == (unjudged([now]) if now is not None else [None])


def test_a_run_is_shown_at_each_of_its_steps(tmp_path: Path) -> None:
    """Going on, given up, alive again, ended, remarked on; before its start there is none."""
    story = tell(
        started("load"),
        began("load"),
        abandoned(2),
        done("load"),
        ended("success"),
        annotated("fine", day=1),
    )
    write_log(tmp_path, story)

    with RunHistory(tmp_path) as history:
        assert history.get_run("run-1", as_of=0) is None
        assert history.get_run("run-1", as_of=1) is None
        seen = [history.get_run("run-1", as_of=position) for position in range(2, 8)]
        assert seen[-1] == history.get_run("run-1")
        failed = history.list_runs(matching=RunFilter(result="failed"), as_of=4)

    results = [run and run.result for run in seen]
    assert results == [None, None, "failed", None, "success", "success"]
    assert [len(run.notes) for run in seen if run] == [0, 0, 0, 0, 0, 1]
    assert all(run and run.liveness is None for run in seen)
    assert failed == [seen[2]]


def test_a_time_means_the_last_position_recorded_by_then(tmp_path: Path) -> None:
    """Also the time itself; before the log there is nothing, and after it what is there now."""
    write_log(tmp_path, tell(started(), began("load"), done("load"), ended()))
    recorded = {event.position: event.recorded_at for event in LogReader(tmp_path).read()}

    with RunHistory(tmp_path) as history:
        for position, moment in recorded.items():
            last = max(one for one, time in recorded.items() if time <= moment)
            assert history.runs_page(as_of=moment).position == last >= position
            assert history.run_json("run-1", as_of=moment) == (
                history.run_json("run-1", as_of=last)
            )
        before = recorded[1] - timedelta(microseconds=1)
        assert history.list_runs(as_of=before) == history.list_runs(as_of=0) == []
        assert history.runs_page(as_of=datetime.now(UTC) + timedelta(days=1)).position == 5


def test_a_past_that_is_none_is_refused(tmp_path: Path) -> None:
    """A position behind the end, below 0, and a time without its zone, each by name."""
    write_log(tmp_path, tell(started()))

    with RunHistory(tmp_path) as history:
        for ask in (history.list_runs, history.runs_page):
            with pytest.raises(AsOfNotReached, match="position 3: its last is 2") as caught:
                ask(as_of=3)
            assert (caught.value.position, caught.value.last) == (3, 2)
        with pytest.raises(InvalidEvent, match="-1 is no position"):
            history.get_run("run-1", as_of=-1)
        with pytest.raises(InvalidEvent, match="its zone"):
            history.get_run("run-1", as_of=datetime(2026, 1, 15))  # noqa: DTZ001 - the case


def test_the_past_stays_as_it_was(tmp_path: Path) -> None:
    """What is appended later changes nothing in it."""
    write_log(tmp_path, tell(started(day=1), began("load")))
    with RunHistory(tmp_path) as history, EventLog.open(tmp_path) as log:
        then = history.runs_page().position
        before = history.runs_page(as_of=then).items
        for event in tell(done("load"), ended(), annotated("late", day=2)):
            log.append(event)
        assert history.runs_page(as_of=then).items == before
        assert history.runs_page().items != before


def test_the_past_of_a_damaged_log_is_what_is_sound_of_it(tmp_path: Path) -> None:
    """Also as of a position whose own line cannot be read."""
    write_log(tmp_path, [*tell(started(), began("load"), done("load")), *tell(ended())])
    path = LogReader(tmp_path).folder.segment(1)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"\x00" * (len(lines[2]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))

    with RunHistory(tmp_path) as history:
        page = history.runs_page(as_of=3)
        (item,) = page.items
        assert (json.loads(item)["last_position"], page.position) == (2, 3)
        assert [lost.first for lost in page.out_of_reach] == [3]
        assert history.runs_page(as_of=2).out_of_reach == []
        (run,) = history.list_runs(as_of=4)
        assert (run.last_position, run.result) == (4, None)
