"""``RunHistory``: lists, counts and single runs, equal to what the events come to."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader, NewEvent, RunContext
from ledger.errors import InvalidEvent
from ledger.events import EventData, RunStarted
from projections import RunHistory, RunSummary
from projections.errors import QuestionTooLong, ReadModelUnusable
from projections.listing.run_filter import RunFilter
from projections.listing.run_history import RESULTS
from projections.runs.run_fold import summarize
from tests.ledger.examples import one_run
from tests.ledger.strategies import valid_runs
from tests.projections.ledgers import append, json_text
from tests.projections.payloads import abandoned, annotated, began, done, ended, imported, started
from tests.projections.processes import GENEROUS, beside, context
from tests.projections.programs import count_in_child, count_within, hold_run_open
from tests.projections.recorded import at, fold_runs, tell


def by_hand(folder: Path) -> list[RunSummary]:
    """Sum up every run from its own events, newest first."""
    states = fold_runs(LogReader(folder).read()).values()
    summaries = [summarize(state) for state in states]
    early = datetime.min.replace(tzinfo=UTC)
    return sorted(
        summaries, key=lambda run: (run.started_at or early, run.started_position), reverse=True
    )


def judged(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Leave out what depends on the clock, once it is as it must be."""
    for run in runs:
        assert (run.liveness is None) is (run.result is not None)
    return [run.model_copy(update={"liveness": None}) for run in runs]


@st.composite
def many_runs(draw: st.DrawFn) -> list[NewEvent]:
    """Draw runs that often start at the same moment, some unfinished, some imported."""
    events: list[NewEvent] = []
    for number in range(draw(st.integers(0, 12))):
        run_id = f"run-{number}"
        moment = at(draw(st.integers(0, 3)))
        kind = draw(st.sampled_from([*RESULTS, "abandoned", "imported", "going on", "resurrected"]))
        told: dict[str, list[EventData]] = {
            "success": [started(), ended("success")],
            "failed": [started(), ended("failed")],
            "stopped": [started(), ended("stopped")],
            "abandoned": [started(), abandoned(1)],
            "imported": [imported(draw(st.sampled_from(RESULTS)))],
            "going on": [started(), began("load")],
            "resurrected": [started(), abandoned(1), began("load")],
        }
        events += [NewEvent(data, run_id, occurred_at=moment) for data in told[kind]]
    return events


@settings(max_examples=15)
@given(many_runs(), st.integers(1, 14), st.sampled_from([None, *RESULTS]))
def test_lists_and_counts_are_what_brute_force_gives(
    events: list[NewEvent], limit: int, result: str | None
) -> None:
    """Newest first by start, then by place; filtered, limited and counted as by hand."""
    with tempfile.TemporaryDirectory() as folder:
        append(Path(folder), events)
        matching = [run for run in by_hand(Path(folder)) if result in (None, run.result)]
        with RunHistory(folder) as history:
            listed = history.list_runs(limit=limit, result_filter=result)
            page = history.runs_page(limit=limit, result_filter=result)
            count = history.get_run_count(result_filter=result)
            running = history.running_runs()

        assert judged(listed) == matching[:limit]
        assert page.total == count == len(matching)
        assert judged(running) == [run for run in by_hand(Path(folder)) if run.result is None]


@settings(max_examples=15)
@given(valid_runs())
def test_a_list_item_is_the_detail_without_its_attempts_byte_for_byte(
    events: list[NewEvent],
) -> None:
    """What the list says of a run and what its detail says never differ."""
    with tempfile.TemporaryDirectory() as folder:
        append(Path(folder), events)
        with RunHistory(folder) as history:
            page = history.runs_page()
            runs = {run.run_id: run for run in history.list_runs()}
            for item in page.items:
                run_id = json.loads(item)["run_id"]
                detail = history.run_json(run_id)
                assert detail is not None
                assert detail.startswith(f'{item[:-1]},"attempts":[')
                run = RunSummary.model_validate_json(detail)
                assert json_text(run.model_dump(mode="json")) == detail
                assert run == runs[run_id] == history.get_run(run_id)
                assert json.dumps(run.list_item()) == json.dumps(json.loads(item))
            assert json.loads(page.encode()) == {
                "runs": [json.loads(item) for item in page.items],
                "total": len(runs),
            }
            assert page.position == history.reader.position


def test_a_run_is_found_by_its_id(tmp_path: Path) -> None:
    """With all of its attempts; the list gives the same."""
    append(tmp_path, tell(started("load"), began("load"), done("load", rows=3), ended()))

    with RunHistory(tmp_path) as history:
        run = history.get_run("run-1")

        assert run is not None
        assert (run.run_id, run.result, run.pipeline) == ("run-1", "success", "nightly")
        assert [attempt.metrics for attempt in run.attempts] == [{"rows": 3}]
        assert history.list_runs() == [run]


def test_the_pipelines_of_what_has_begun_need_no_catching_up(tmp_path: Path) -> None:
    """A state that is far enough will do; asked without a position, it is all that is durable."""
    append(tmp_path, one_run("run-1"))
    with RunHistory(tmp_path) as history:
        position = history.catch_up()
        append(tmp_path, one_run("run-2"))

        assert history.pipelines_of(["run-1", "run-2"], least=position) == {"run-1": "nightly"}
        assert history.pipelines_of(["run-2"]) == {"run-2": "nightly"}


@pytest.mark.parametrize(
    "run_id",
    [
        "run-2",
        "",
        ".",
        "..",
        "../run-1",
        "run-1/",
        "run-1\n",
        "\x00",
        "run-1\x00",
        "\udcff",
        "%",
        "ä",
    ],
    ids=ascii,
)
def test_an_unknown_run_is_none(tmp_path: Path, run_id: str) -> None:
    """Whatever is asked for, an id that no run has gives None and no error."""
    append(tmp_path, one_run("run-1"))

    with RunHistory(tmp_path) as history:
        assert history.get_run(run_id) is None
        assert history.run_json(run_id) is None
        assert history.first_position(run_id) is None


def test_an_empty_ledger_has_no_runs(tmp_path: Path) -> None:
    """Lists are empty, counts are 0, and the page is valid JSON."""
    append(tmp_path, [])

    with RunHistory(tmp_path) as history:
        assert history.list_runs() == []
        assert history.get_run_count() == history.get_run_count(result_filter="failed") == 0
        assert history.runs_page().encode() == b'{"runs":[],"total":0}'
        assert history.catch_up() == 1


@pytest.mark.parametrize("limit", [0, -1, -(10**30)])
def test_a_limit_below_one_is_refused(tmp_path: Path, limit: int) -> None:
    """The error names the argument and the value."""
    append(tmp_path, [])

    with RunHistory(tmp_path) as history:
        for ask in (history.list_runs, history.runs_page):
            with pytest.raises(InvalidEvent, match=f"limit: {limit} ") as caught:
                ask(limit=limit)
            assert caught.value.field == "limit"


def test_a_limit_may_be_larger_than_anything(tmp_path: Path) -> None:
    """A number beyond what SQLite counts to means all."""
    append(tmp_path, [*one_run("run-1"), *one_run("run-2")])

    with RunHistory(tmp_path) as history:
        assert len(history.list_runs(limit=10**30)) == 2


@pytest.mark.parametrize("result", ["", "Success", "running", "succes", "failed "])
def test_an_unknown_result_is_refused(tmp_path: Path, result: str) -> None:
    """The error names the argument and what it may be, instead of giving an empty list."""
    append(tmp_path, one_run("run-1"))

    with RunHistory(tmp_path) as history:
        asks: list[Any] = [history.list_runs, history.runs_page, history.get_run_count]
        for ask in asks:
            with pytest.raises(InvalidEvent, match="success, failed, stopped") as caught:
                ask(result_filter=result)
            assert caught.value.field == "result"


def test_run_ids_are_found_by_their_beginning(tmp_path: Path) -> None:
    """In order, up to the limit; a beginning that is no identifier finds nothing."""
    ids = ["a", "a-1", "a-2", "a:b", "aB", "b", "Z"]
    append(tmp_path, [event for run_id in ids for event in one_run(run_id)])

    with RunHistory(tmp_path) as history:
        assert history.find_run_ids("a") == ["a", "a-1", "a-2", "a:b", "aB"]
        assert history.find_run_ids("a-") == ["a-1", "a-2"]
        assert history.find_run_ids("a", limit=2) == ["a", "a-1"]
        assert history.find_run_ids("") == sorted(ids)
        for odd in ("c", "%", "a%", "\x00", "\udcff", "a\n", "../"):
            assert history.find_run_ids(odd) == []


def test_a_remark_changes_the_list_item_and_the_detail(tmp_path: Path) -> None:
    """A run that ended long ago is projected again when something is said about it."""
    append(tmp_path, tell(started(day=1), ended()))
    with RunHistory(tmp_path) as history:
        before = history.runs_page()
        append(tmp_path, tell(annotated("looked at", day=2)))
        after = history.runs_page()

        assert (before.position, after.position) == (3, 4)
        assert json.loads(before.items[0])["metadata"] == {"day": 1}
        assert json.loads(after.items[0])["metadata"] == {"day": 2}
        assert (before.total, after.total) == (1, 1)


def test_counts_follow_a_run_through_its_results(tmp_path: Path) -> None:
    """Going on, presumed dead, alive again, ended: it is counted once, where it stands."""
    told = tell(started(), abandoned(1), began("load"), done("load"), ended())
    counted = []
    with EventLog.open(tmp_path) as log, RunHistory(tmp_path) as history:
        for event in told:
            log.append(event)
            by_result = [history.get_run_count(result_filter=result) for result in RESULTS]
            counted.append((history.get_run_count(), len(history.running_runs()), by_result))

    assert counted == [
        (1, 1, [0, 0, 0]),
        (1, 0, [0, 1, 0]),
        (1, 1, [0, 0, 0]),
        (1, 1, [0, 0, 0]),
        (1, 0, [1, 0, 0]),
    ]


def liveness_of(history: RunHistory, run_id: str) -> str | None:
    """Ask in both ways whether the writer of a run is there; they must agree."""
    run = history.get_run(run_id)
    assert run is not None
    items = [json.loads(item) for item in history.runs_page().items]
    assert [item["liveness"] for item in items if item["run_id"] == run_id] == [run.liveness]
    return run.liveness


def test_liveness_is_that_of_the_writer_now(tmp_path: Path) -> None:
    """Live while its process lives, presumed dead once it was killed, null when a run has ended."""
    append(tmp_path, one_run("over"))
    said, saying = context.Pipe(duplex=False)
    with RunHistory(tmp_path) as history, EventLog.open(tmp_path) as log:
        with beside(hold_run_open, tmp_path, "theirs", saying) as process:
            assert said.poll(GENEROUS)
            with RunContext.start(log, pipeline="nightly", run_id="mine"):
                assert liveness_of(history, "mine") == "live"
            assert liveness_of(history, "theirs") == "live"
            process.kill()
            process.join(GENEROUS)
            assert liveness_of(history, "theirs") == "presumed dead"
        assert liveness_of(history, "mine") is None
        assert liveness_of(history, "over") is None
        position = history.reader.position

    with RunHistory(tmp_path) as history:
        assert liveness_of(history, "theirs") == "presumed dead"
        assert history.reader.position == position


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=1), "live"),
        (timedelta(hours=3), "late"),
        (timedelta(days=3), "presumed dead"),
    ],
)
def test_a_writer_elsewhere_is_judged_by_its_age(
    tmp_path: Path, age: timedelta, expected: str
) -> None:
    """A run that another machine records shows how long it has been silent."""
    writer = started().writer
    moment = datetime.now(UTC) - age
    data = RunStarted(pipeline="nightly", writer=writer, metadata={"x": '"result":null'})
    append(tmp_path, [NewEvent(data, "run-1", occurred_at=moment)])

    with RunHistory(tmp_path) as history:
        assert liveness_of(history, "run-1") == expected


def test_text_in_a_run_is_not_taken_for_its_result(tmp_path: Path) -> None:
    """A run that has ended has no liveness, whatever its metadata looks like."""
    append(tmp_path, tell(started(result=None, note='"result":null,"liveness":null}'), ended()))

    with RunHistory(tmp_path) as history:
        assert liveness_of(history, "run-1") is None
        assert history.runs_page().items[0].endswith('"liveness":null}')


def test_one_history_serves_many_threads(tmp_path: Path) -> None:
    """Threads that read while another appends each see a whole state, and never an older one."""
    count, over = 40, threading.Event()

    def read(history: RunHistory) -> list[tuple[int, int | None, int]]:
        seen = []
        while not over.is_set():
            page = history.runs_page(limit=count)
            seen.append((page.position, page.total, len(page.items)))
        return seen

    with (
        EventLog.open(tmp_path) as log,
        RunHistory(tmp_path) as history,
        ThreadPoolExecutor(4) as threads,
    ):
        reads = [threads.submit(read, history) for _ in range(4)]
        try:
            for number in range(count):
                log.append_batch(one_run(f"run-{number:02d}"))
                assert history.get_run(f"run-{number:02d}") is not None
                assert history.get_run_count() == number + 1
        finally:
            over.set()
        for seen in (answer.result() for answer in reads):
            assert seen == sorted(seen)
            assert all(
                position == 1 + 4 * items and items == total for position, total, items in seen
            )


def test_a_page_is_of_one_moment(tmp_path: Path) -> None:
    """Rows, total and position agree, even where another process projects between two of them."""
    append(tmp_path, one_run("run-1"))

    def project_more(statement: str) -> None:
        if "FROM runs_counts" in statement:
            append(tmp_path, one_run("run-2"))
            with RunHistory(tmp_path) as another:
                assert another.get_run_count() == 2

    with RunHistory(tmp_path) as history:
        history.catch_up()
        connection = history._model._connection
        assert connection is not None
        connection.set_trace_callback(project_more)
        page = history.runs_page()

        assert (len(page.items), page.total, page.position) == (1, 1, 5)
        connection.set_trace_callback(None)
        page = history.runs_page()
        assert (len(page.items), page.total, page.position) == (2, 2, 9)


def test_a_forked_child_reads_with_a_connection_of_its_own(tmp_path: Path) -> None:
    """A child that is forked in the middle of a read neither hangs nor disturbs its parent."""
    append(tmp_path, [*one_run("run-1"), *one_run("run-2")])
    said, saying = context.Pipe(duplex=False)

    with beside(count_in_child, tmp_path, saying):
        assert said.poll(GENEROUS)
        assert said.recv() == (2, 2, 2)


def test_a_model_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    """A full disk is told with its folder and cause, and is not in the way of a next try."""
    append(tmp_path, [event for run in range(60) for event in one_run(f"run-{run}")])
    said, saying = context.Pipe(duplex=False)

    with beside(count_within, tmp_path, 60_000, saying):
        assert said.poll(GENEROUS)
        answer = said.recv()

    assert answer.startswith("ReadModelUnusable(")
    assert str(tmp_path / "read-models") in answer
    with RunHistory(tmp_path) as history:
        assert history.get_run_count() == 60


def test_a_place_where_no_model_can_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    """It names the folder; the log is as it was."""
    append(tmp_path, one_run("run-1"))
    (tmp_path / "read-models").rmdir()
    (tmp_path / "read-models").touch()

    with RunHistory(tmp_path) as history, pytest.raises(ReadModelUnusable, match="read-models"):
        history.get_run_count()

    assert len(list(LogReader(tmp_path).read())) == 5


def test_an_answer_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """The next question is answered, and others never waited longer than the limit."""
    append(tmp_path, one_run("r"))
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with RunHistory(tmp_path, longest=0.05) as history:
        with pytest.raises(QuestionTooLong, match=r"more than 0\.05 s"):
            history.ask(lambda connection, _: connection.execute(endless).fetchone())
        assert len(history.list_runs()) == 1


def test_closing_twice_does_nothing_and_reading_opens_again(tmp_path: Path) -> None:
    """A history holds nothing but a connection, which it can always make again."""
    append(tmp_path, one_run("run-1"))
    history = RunHistory(tmp_path)
    assert history.get_run_count() == 1

    history.close()
    history.close()

    assert history.get_run_count() == 1
    history.close()


def test_no_run_has_a_pipeline_without_a_name(tmp_path: Path) -> None:
    """Runs that have none are not those of an empty name: neither listed, nor counted."""
    append(tmp_path, tell(imported(), run_id="old-17"))
    with RunHistory(tmp_path) as history:
        page = history.runs_page(matching=RunFilter(pipeline=""))

        assert (page.items, page.total) == ([], 0)
        assert (history.get_run_count(pipeline=""), history.get_run_count()) == (0, 1)
