"""The failures by their fingerprints, what is new, and what people said of them."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import EventLog, LogReader, NewEvent
from ledger.errors import InvalidEvent
from ledger.events import (
    ErrorInfo,
    EventData,
    FailureAcknowledged,
    Result,
    RunStarted,
    StageFailed,
)
from projections import RunHistory
from projections.deep_check import check_deep
from projections.failures import FailuresPage, find_fingerprints, list_failures
from projections.fingerprint import fingerprint_of
from projections.projector import Projector
from projections.read_model import ReadModels
from projections.rebuilding import build
from projections.registry import registered
from projections.run_filter import RunFilter
from tests.projections.drawing import unhurried
from tests.projections.ledgers import append, contents, current_model, rebuilt
from tests.projections.payloads import WRITER, began, done, ended
from tests.projections.recorded import at

Told = list[NewEvent]


class Teller:
    """Tells runs of pipelines, one after the other, a minute apart."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def run(
        self,
        *stages: str,
        pipeline: str = "nightly",
        version: str | None = None,
        outside: str | None = None,
    ) -> Told:
        """Tell a run.

        A stage is told as ``load``, as ``load: what it fails with`` or, where it passes when it is
        tried again, as ``load? what it failed with``.
        """
        number = next(self._numbers)
        told: list[EventData] = [RunStarted(pipeline=pipeline, writer=WRITER, code_version=version)]
        failed = False
        for stage in stages:
            name, message = stage[:4], stage[6:]
            told.append(began(name))
            if not message:
                told.append(done(name))
                continue
            error = ErrorInfo(type="ValueError", message=message)
            told.append(StageFailed(stage=name, attempt=1, error=error, elapsed_seconds=0.5))
            if stage[4] == "?":
                told += [began(name, 2), done(name, 2)]
            else:
                failed = True
        result: Result = "failed" if failed or outside else "success"
        told.append(ended(result, outside or ("a stage failed" if failed else None)))
        return [
            NewEvent(data, f"run-{number:03}", occurred_at=at(60 * number + second))
            for second, data in enumerate(told)
        ]


@pytest.fixture
def tell() -> Teller:
    """Give a teller."""
    return Teller()


def fingerprint(stage: str | None, message: str) -> str:
    """Give the fingerprint of what the teller tells."""
    return fingerprint_of(stage, "ValueError" if stage else "", message)


def said(stage: str | None, message: str, note: str = "known") -> NewEvent:
    """Acknowledge a failure."""
    data = FailureAcknowledged(fingerprint=fingerprint(stage, message), note=note, actor="anna")
    return NewEvent(data, occurred_at=at(0))


def listed(folder: Path, **asked: Any) -> FailuresPage:
    """List the failures of a ledger."""
    with RunHistory(folder) as history:
        return list_failures(history, **asked)


def messages(page: FailuresPage) -> list[str]:
    """Give what the groups say, in order."""
    return [group.message for group in page.groups]


def test_failures_are_grouped(tmp_path: Path, tell: Teller) -> None:
    """Counts, runs, pipelines, the first and the last; the last seen stands first."""
    append(
        tmp_path / "runs",
        [
            *tell.run("load: row 7 is bad", version="1.0"),
            *tell.run("load: no rows"),
            *tell.run("load: row 8 is bad", pipeline="hourly"),
            *tell.run("load? row 9 is bad", version="1.1"),
            *tell.run("load"),
        ],
    )

    page = listed(tmp_path / "runs")

    assert messages(page) == ["row # is bad", "no rows"]
    assert (page.total, page.acknowledged, page.flaky) == (2, 0, 0)
    assert page.position == LogReader(tmp_path / "runs").position
    group = page.groups[0]
    assert group.fingerprint == fingerprint("load", "row 7 is bad")
    assert (group.state, group.stage, group.error_type) == ("open", "load", "ValueError")
    assert (group.failures, group.retried, group.runs) == (3, 1, 3)
    assert (group.sample, group.pipelines) == ("row 9 is bad", ("hourly", "nightly"))
    first, last = group.first_seen, group.last_seen
    assert (first.run_id, first.code_version, first.at) == ("run-001", "1.0", at(62))
    assert (last.run_id, last.code_version, last.at) == ("run-004", "1.1", at(242))
    assert (first.position, last.position) == (4, 16)
    assert group.acknowledgement is None


def test_what_was_always_tried_again_is_flaky(tmp_path: Path, tell: Teller) -> None:
    """It is no failure that stands, and is listed when all are asked for."""
    append(tmp_path / "runs", [*tell.run("load? slow"), *tell.run("load: bad")])

    page, every = listed(tmp_path / "runs"), listed(tmp_path / "runs", every=True)

    assert (messages(page), page.total, page.flaky) == (["bad"], 1, 1)
    assert [(group.message, group.state) for group in every.groups] == [
        ("bad", "open"),
        ("slow", "flaky"),
    ]


def test_runs_that_fail_outside_their_stages_are_grouped_too(tmp_path: Path, tell: Teller) -> None:
    """By the reason of the run; there is no stage and no class."""
    append(tmp_path / "runs", [*tell.run(outside="E: 1"), *tell.run("load", outside="E: 2")])

    (group,) = listed(tmp_path / "runs").groups

    assert (group.stage, group.error_type, group.message, group.runs) == (None, "", "E: #", 2)


def test_empty_ledgers_and_runs_without_stages_have_no_failures(tmp_path: Path) -> None:
    """The answer is empty, and has its position."""
    folder = tmp_path / "runs"
    with EventLog.open(folder):
        pass
    assert listed(folder, every=True) == FailuresPage(
        groups=(), total=0, acknowledged=0, flaky=0, position=1
    )
    append(folder, Teller().run())
    assert listed(folder, every=True).position == 3
    assert listed(folder, pipeline="unknown", new_since="unknown").groups == ()


def test_only_some_are_asked_for(tmp_path: Path, tell: Teller) -> None:
    """Since a time, of a pipeline, and so many; the first seen is the first of all."""
    append(
        tmp_path / "runs",
        [
            *tell.run("load: a"),
            *tell.run("load: b"),
            *tell.run("load: a", pipeline="hourly"),
            *tell.run("load: c"),
        ],
    )
    folder = tmp_path / "runs"

    since = listed(folder, since=at(180))
    hourly = listed(folder, pipeline="hourly")

    assert messages(since) == ["c", "a"]
    assert (since.groups[1].failures, since.groups[1].first_seen.run_id) == (1, "run-001")
    assert messages(hourly) == ["a"]
    assert hourly.groups[0].first_seen.run_id == "run-003"
    assert hourly.groups[0].pipelines == ("hourly", "nightly")
    assert messages(listed(folder, limit=1)) == ["c"]
    assert listed(folder, limit=1).total == 3


def test_what_is_new_since_a_time(tmp_path: Path, tell: Teller) -> None:
    """Nothing of it was seen before; of a pipeline, nothing there."""
    told = [
        *tell.run("load: a"),
        *tell.run("load: b"),
        *tell.run("load: a", pipeline="hourly"),
        *tell.run("load: b"),
    ]
    append(tmp_path / "runs", told)
    folder = tmp_path / "runs"

    assert messages(listed(folder, new_since=at(0))) == ["b", "a"]
    assert messages(listed(folder, new_since=at(122))) == ["b"]
    assert messages(listed(folder, new_since=at(123))) == []
    assert messages(listed(folder, new_since=at(123), pipeline="hourly")) == ["a"]


def test_what_is_new_since_a_version(tmp_path: Path, tell: Teller) -> None:
    """Nothing of it was seen in a run that began before the first failed run of that version."""
    told = [
        *tell.run("load: a", version="1"),
        *tell.run("load", version="2"),
        *tell.run("load: b", version="2"),
        *tell.run("load: a", version="2"),
        *tell.run("load: c", version="1"),
    ]
    append(tmp_path / "runs", told)
    folder = tmp_path / "runs"

    assert messages(listed(folder, new_since="2")) == ["c", "b"]
    assert messages(listed(folder, new_since="1")) == ["c", "a", "b"]
    assert messages(listed(folder, new_since="3")) == []


def test_what_cannot_be_asked_for_is_refused(tmp_path: Path) -> None:
    """The error names the argument."""
    append(tmp_path / "runs", Teller().run())
    for asked in ({"limit": 0}, {"since": datetime(2026, 1, 1)}, {"new_since": datetime.min}):  # noqa: DTZ001, DTZ901 - the case
        with pytest.raises(InvalidEvent) as caught:
            listed(tmp_path / "runs", **asked)
        assert caught.value.field in asked


def test_fingerprints_are_found_by_their_beginning(tmp_path: Path, tell: Teller) -> None:
    """Those of failures only."""
    append(tmp_path / "runs", [*tell.run("load: a"), *tell.run("load: b"), said("load", "c")])
    found = sorted(fingerprint("load", message) for message in "ab")

    with RunHistory(tmp_path / "runs") as history:
        assert find_fingerprints(history, "") == found
        assert find_fingerprints(history, found[0][:9]) == found[:1]
        assert find_fingerprints(history, fingerprint("load", "c")) == []
        assert find_fingerprints(history, found[0] + "0") == []


def test_runs_are_found_by_a_fingerprint(tmp_path: Path, tell: Teller) -> None:
    """As by any other filter; as of a position too."""
    append(tmp_path / "runs", [*tell.run("load: a"), *tell.run("load? a"), *tell.run("load: b")])
    asked = RunFilter(fingerprint=fingerprint("load", "a"))

    with RunHistory(tmp_path / "runs") as history:
        now = [run.run_id for run in history.list_runs(matching=asked)]
        before = [run.run_id for run in history.list_runs(matching=asked, as_of=4)]

    assert (now, before) == (["run-002", "run-001"], ["run-001"])


ACKNOWLEDGED: dict[str, tuple[Sequence[Any], str]] = {
    "and nothing since": (["load: a", "ack"], "acknowledged"),
    "and fails on": (["load: a", "ack", "load: a", "load: a"], "acknowledged"),
    "and passes": (["load: a", "ack", "load"], "acknowledged"),
    "and passes when tried again": (["load: a", "ack", "load", "load? a"], "acknowledged"),
    "and comes back": (["load: a", "ack", "load", "load: a"], "back"),
    "and comes back, and is said again": (
        ["load: a", "ack", "load", "load: a", "ack"],
        "acknowledged",
    ),
    "passed before": (["load: a", "load", "ack", "load: a"], "acknowledged"),
    "passes in another pipeline": (
        ["load: a", "ack", ("hourly", "load"), "load: a"],
        "acknowledged",
    ),
    "comes back in another pipeline": (
        ["load: a", ("hourly", "load: a"), "ack", ("hourly", "load"), ("hourly", "load: a")],
        "back",
    ),
    "fails in another way in between": (["load: a", "ack", "load: b", "load: a"], "acknowledged"),
    "passes in a run that fails elsewhere": (
        ["load: a", "ack", ("nightly", "load", "test: x"), "load: a"],
        "back",
    ),
    "a run without the stage passes": (
        ["load: a", "ack", ("nightly", "test"), "load: a"],
        "acknowledged",
    ),
}


@pytest.mark.parametrize("name", ACKNOWLEDGED)
def test_an_acknowledgement_stands_until_the_failure_comes_back(
    name: str, tmp_path: Path, tell: Teller
) -> None:
    """That is: after a success of that stage in that pipeline."""
    steps, expected = ACKNOWLEDGED[name]
    told: Told = []
    for step in steps:
        if step == "ack":
            told.append(said("load", "a"))
            continue
        pipeline, *stages = ("nightly", step) if isinstance(step, str) else step
        told += tell.run(*stages, pipeline=pipeline)
    append(tmp_path / "runs", told)

    page = listed(tmp_path / "runs", every=True)

    (group,) = [group for group in page.groups if group.message == "a"]
    assert group.acknowledgement is not None
    assert group.acknowledgement.is_void == (expected == "back")
    assert group.state == ("open" if expected == "back" else "acknowledged")
    shown = [group.message for group in listed(tmp_path / "runs").groups]
    assert ("a" in shown) == (expected == "back")
    assert page.acknowledged == (expected != "back")


def test_the_last_acknowledgement_is_shown(tmp_path: Path, tell: Teller) -> None:
    """Who said what, when and where in the log."""
    told = [*tell.run("load: a"), said("load", "a", "T-1"), said("load", "a", "T-2")]
    position = append(tmp_path / "runs", told)

    (group,) = listed(tmp_path / "runs", every=True).groups

    shown = group.acknowledgement
    assert shown is not None
    assert (shown.note, shown.actor, shown.at, shown.position) == ("T-2", "anna", at(0), position)


def test_a_failure_outside_the_stages_comes_back_after_a_run_that_passed(
    tmp_path: Path, tell: Teller
) -> None:
    """As it has no stage, the run must have passed as a whole."""
    folder = tmp_path / "runs"
    append(folder, [*tell.run(outside="x"), said(None, "x"), *tell.run("load: a")])
    append(folder, tell.run(outside="x"))
    assert listed(folder).acknowledged == 1
    append(folder, [*tell.run("load"), *tell.run(outside="x")])
    assert listed(folder).acknowledged == 0


@st.composite
def histories(draw: st.DrawFn) -> Iterator[Told]:
    """Draw runs of two pipelines, with acknowledgements in between."""
    tell = Teller()
    told: list[Told] = []
    steps = st.sampled_from(["load", "load: a", "load: b", "load? a", "test: a", "ack a", "ack b"])
    for step in draw(st.lists(steps, min_size=1, max_size=12)):
        if step.startswith("ack"):
            told.append([said("load", step[-1])])
        else:
            told.append(tell.run(step, pipeline=draw(st.sampled_from(["nightly", "hourly"]))))
    return iter(told)


@unhurried
@given(histories())
def test_step_by_step_and_rebuilt_come_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, told: Iterator[Told]
) -> None:
    """The list of a model that has caught up is that of one that was built anew."""
    folder = tmp_path_factory.mktemp("ledger") / "runs"
    page = None
    for events in told:
        append(folder, events)
        page = listed(folder, every=True)

    again = rebuilt(folder)
    assert listed(again, every=True) == page
    assert contents(current_model(again)) == contents(current_model(folder))


def test_a_rebuild_by_workers_keeps_acknowledgements(tmp_path: Path, tell: Teller) -> None:
    """They lie between the runs that workers fold whole."""
    folder = tmp_path / "runs"
    told = [[*tell.run("load: a"), said("load", "a", f"T-{number}")] for number in range(30)]
    append(folder, list(itertools.chain.from_iterable(told)))
    caught_up = listed(folder, every=True)
    reader = LogReader(folder)
    models = ReadModels.of(reader.folder)
    before = contents(current_model(folder))

    models.switch_to(build(reader, models, registered(), part=10))

    assert contents(current_model(folder)) == before
    assert len(before["acknowledgements"]) == 30
    assert listed(folder, every=True) == caught_up
    assert Projector(reader).position() == caught_up.position


def test_a_deep_check_looks_at_acknowledgements(tmp_path: Path, tell: Teller) -> None:
    """They belong to no run, and are compared with the log all the same."""
    folder = tmp_path / "runs"
    append(folder, [*tell.run("load: a"), said("load", "a")])
    assert check_deep(folder).equal
    with closing(sqlite3.connect(current_model(folder))) as connection:
        connection.execute("UPDATE acknowledgements SET note = 'nothing'")
        connection.commit()

    found = check_deep(folder)

    assert not found.equal
    assert [(one.table, one.only_kept, one.missing) for one in found.kept] == [
        ("acknowledgements", 1, 1)
    ]
