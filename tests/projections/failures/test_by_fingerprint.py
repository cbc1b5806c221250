"""The failures by their fingerprints: how many, since when, where, and what is new."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import InvalidEvent
from projections import RunHistory
from projections.failures.by_fingerprint import FailuresPage, find_fingerprints
from projections.listing.run_filter import RunFilter
from tests.projections.failing_runs import Teller, fingerprint, listed, messages, said
from tests.projections.ledgers import append
from tests.projections.recorded import at


@pytest.fixture
def tell() -> Teller:
    """Give a teller."""
    return Teller()


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
