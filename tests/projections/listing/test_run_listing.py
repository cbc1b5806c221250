"""Lists: any filter in any order, page by page, equals what plain Python chooses and sorts."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import LogReader, NewEvent
from ledger.errors import InvalidEvent
from ledger.plain_values import utc_text
from projections import RunHistory
from projections.listing.run_filter import RunFilter
from projections.listing.run_lanes import Past, RunsAsked
from projections.listing.run_listing import Effort, list_page
from projections.listing.run_order import RunKey, RunOrder
from projections.runs.run_rows import micros
from tests.projections.drawn_runs import filters, in_order, interleaved_runs, meets
from tests.projections.past_ledgers import summaries_of, write_log
from tests.projections.payloads import annotated, began, ended, failed, imported, started
from tests.projections.recorded import at, tell

ANY_WAY = {
    "sorted": Effort(),
    "walked": Effort(few=0),
    "walked too long, then sorted": Effort(few=0, too_long=1),
    "walked too long, then walked": Effort(few=0, too_long=1, many=0),
}
"""How a page may be come to: by the fewest runs, by a walk, or by one after the other."""


@settings(max_examples=20)
@given(interleaved_runs(), st.lists(filters, min_size=6, max_size=6), st.data())
def test_a_list_is_what_plain_python_chooses_and_sorts(
    events: list[NewEvent], asked: list[RunFilter], data: st.DataObject
) -> None:
    """Whatever is asked for, in each order, by each way; the total is told where it is kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_log(folder, events)
        runs = summaries_of(folder)
        with RunHistory(folder) as history:
            history.catch_up()
            for matching in asked:
                order = data.draw(st.sampled_from(RunOrder))
                expected = in_order([run for run in runs if meets(run, matching)], order)
                page = history.runs_page(matching=matching, order=order)
                assert [json.loads(item)["run_id"] for item in page.items] == [
                    run.run_id for run in expected
                ]
                assert page.total == (len(expected) if matching.is_kept else None)
                assert ways_to(history, matching, order) == {
                    way: [run.run_id for run in expected] for way in ANY_WAY
                }


@settings(max_examples=20)
@given(interleaved_runs(), st.lists(filters, min_size=6, max_size=6), st.data())
def test_what_has_not_changed_since_is_found_by_any_way(
    events: list[NewEvent], asked: list[RunFilter], data: st.DataObject
) -> None:
    """Of the runs whose last event lies by a position, each way chooses and sorts the same."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        last = write_log(folder, events)
        recorded = [micros(utc_text(event.recorded_at)) for event in LogReader(folder).read()]
        runs = summaries_of(folder)
        with RunHistory(folder) as history:
            history.catch_up()
            for matching in asked:
                order = data.draw(st.sampled_from(RunOrder))
                position = data.draw(st.integers(1, last))
                past = Past(position, recorded[position - 1])
                unchanged = [run for run in runs if run.last_position <= position]
                expected = in_order([run for run in unchanged if meets(run, matching)], order)
                assert ways_to(history, matching, order, past) == {
                    way: [run.run_id for run in expected] for way in ANY_WAY
                }


def ways_to(
    history: RunHistory, matching: RunFilter, order: RunOrder, past: Past | None = None
) -> dict[str, list[str]]:
    """List by each way, as run ids."""
    asked = RunsAsked(matching=matching, order=order)
    model = history.reader.folder.read_models
    current = model / (model / "current").read_text().strip()
    with closing(sqlite3.connect(current)) as connection:
        return {
            way: [
                json.loads(row.summary)["run_id"]
                for row in list_page(connection, asked, past, effort=effort)
            ]
            for way, effort in ANY_WAY.items()
        }


@settings(max_examples=25)
@given(interleaved_runs(), filters, st.sampled_from(RunOrder), st.integers(1, 4))
def test_pages_follow_each_other_by_keys(
    events: list[NewEvent], matching: RunFilter, order: RunOrder, limit: int
) -> None:
    """All pages together are the list; a key goes through text; the last page has none."""
    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), events)
        with RunHistory(folder) as history:
            whole = list(history.runs_page(matching=matching, order=order).items)
            paged: list[str] = []
            after: RunKey | None = None
            while True:
                page = history.runs_page(matching=matching, order=order, limit=limit, after=after)
                paged += page.items
                if page.after is None:
                    break
                assert len(page.items) == limit
                after = RunKey.parse(str(page.after))
                assert after == page.after

    assert paged == whole


@pytest.mark.parametrize("order", RunOrder)
@pytest.mark.parametrize(
    "kind",
    [
        RunFilter(),
        RunFilter(result="failed"),
        RunFilter(running=True),
        RunFilter(pipeline="nightly"),
        RunFilter(pipeline="nightly", result="failed"),
    ],
)
def test_a_list_by_kind_is_walked_in_its_order(
    tmp_path: Path, order: RunOrder, kind: RunFilter
) -> None:
    """By an index, without sorting; by duration too, where nothing else is asked for."""
    write_log(tmp_path, tell(started(), ended()))
    with RunHistory(tmp_path) as history:
        history.catch_up()
        asked: list[str] = []
        model = history.reader.folder.read_models
        current = model / (model / "current").read_text().strip()
        with closing(sqlite3.connect(current)) as connection:
            connection.set_trace_callback(asked.append)
            list_page(connection, RunsAsked(matching=kind, order=order))
            connection.set_trace_callback(None)
            if order.by_start or kind == RunFilter():
                assert asked
                for statement in asked:
                    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
                    assert not [step for *_, step in plan if "TEMP B-TREE" in step]
                    assert [step for *_, step in plan if "INDEX runs_" in step]


def test_runs_that_begin_between_pages_move_nothing(tmp_path: Path) -> None:
    """The next page goes on behind its key, whatever has been added before it."""
    write_log(tmp_path, [event for run in range(4) for event in tell(started(), run_id=f"r{run}")])

    with RunHistory(tmp_path) as history:
        first = history.runs_page(limit=2)
        write_log(tmp_path, tell(started(), run_id="new"))
        second = history.runs_page(limit=2, after=first.after)

    seen = [json.loads(item)["run_id"] for item in (*first.items, *second.items)]
    assert seen == ["r3", "r2", "r1", "r0"]


def test_kept_totals_follow_each_run(tmp_path: Path) -> None:
    """They are right after every event, without counting."""
    totals = []
    told = tell(started("load"), began("load"), failed("load"), ended("failed"), annotated("so"))
    with RunHistory(_empty(tmp_path)) as history:
        for event in told:
            write_log(tmp_path, [event])
            kinds = [RunFilter(running=True), RunFilter(pipeline="nightly", result="failed")]
            totals.append([history.runs_page(matching=kind).total for kind in kinds])
            assert history.get_run_count(pipeline="nightly") == 1
            assert history.get_run_count(pipeline="hourly") == 0

    assert totals == [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]]


def _empty(folder: Path) -> Path:
    write_log(folder, [])
    return folder


def test_a_list_of_objects_is_the_list_of_items(tmp_path: Path) -> None:
    """The same runs in the same order, with their attempts."""
    told = [tell(started(), began("load"), run_id=f"run-{at}") for at in range(5)]
    write_log(tmp_path, [event for story in told for event in story])

    with RunHistory(tmp_path) as history:
        asked = RunFilter(stage_executed="load")
        runs = history.list_runs(matching=asked, order="oldest", limit=3)
        items = history.runs_page(matching=asked, order="oldest", limit=3).items

        assert [run.list_item() for run in runs] == [json.loads(item) for item in items]
        assert runs == [history.get_run(run.run_id) for run in runs]
        assert runs[0].attempts[0].stage == "load"


def test_what_cannot_be_asked_for_is_named(tmp_path: Path) -> None:
    """An unknown order, a key of another order, and results that contradict each other."""
    write_log(tmp_path, [])
    with RunHistory(tmp_path) as history:
        with pytest.raises(InvalidEvent, match="newest, oldest, longest, shortest"):
            history.list_runs(order="best")
        with pytest.raises(InvalidEvent, match="not of a list") as caught:
            history.runs_page(order="longest", after=RunKey(by_start=True, at=1, run=1))
        assert caught.value.field == "after"
        with pytest.raises(InvalidEvent, match="cannot both be"):
            history.list_runs(result_filter="failed", matching=RunFilter(result="success"))


def test_a_stage_is_found_by_its_whole_name(tmp_path: Path) -> None:
    """Those of an imported run may hold anything, NUL too; no other stage is taken for one."""
    names = ["a\0b", "a", "a\0", "", '"ü" \\0', "load/orders", "\x7f\n"]
    taken_over = imported()
    told = [
        taken_over.model_copy(
            update={
                "summary": taken_over.summary.model_copy(
                    update={"stages_executed": (name, "load"), "stages_failed": (name,)}
                )
            }
        )
        for name in names
    ]
    write_log(tmp_path, [e for at, one in enumerate(told) for e in tell(one, run_id=f"run-{at}")])

    with RunHistory(tmp_path) as history:
        for at, name in enumerate(names):
            for asked in (RunFilter(stage_executed=name), RunFilter(stage_failed=name)):
                found = history.list_runs(matching=asked)
                assert [run.run_id for run in found] == [f"run-{at}"]
        assert len(history.list_runs(matching=RunFilter(stage_executed="load"))) == len(names)


def test_text_is_found_whatever_it_holds(tmp_path: Path) -> None:
    """Quotes, stars, operators and NUL are text; upper and lower case are one."""
    reasons = ['say "no" OR* {x}', "a\0b", "STRASSE", "straße 50%", "_"]
    told = [
        NewEvent(data, f"run-{number}", occurred_at=at(number))
        for number, reason in enumerate(reasons)
        for data in (started(), ended("failed", reason))
    ]
    write_log(tmp_path, told)
    asked = ['"NO" or*', "{x}", "A\0B", "\0", "strasse", "ße", "50%", "%", "_", "NOT", "x" * 1000]

    with RunHistory(tmp_path) as history:
        found = {
            text: [run.run_id[-1] for run in history.list_runs(matching=RunFilter(reason=text))]
            for text in asked
        }

    assert list(found.values()) == [
        ["0"], ["0"], ["1"], ["3", "1", "0"], ["3", "2"], ["3", "2"], ["3"], ["3"], ["4"], [], [],
    ]  # fmt: skip
