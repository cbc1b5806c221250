"""Acknowledgements: they stand until the failure comes back after a success."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import LogReader
from projections.checking.deep_check import check_deep
from projections.engine.projector import Projector
from projections.engine.rebuilding import build
from projections.read_model.read_model import ReadModels
from projections.registry import registered
from tests.projections.failing_runs import Teller, Told, listed, said
from tests.projections.ledgers import append, contents, current_model, rebuilt
from tests.projections.recorded import at


@pytest.fixture
def tell() -> Teller:
    """Give a teller."""
    return Teller()


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


@settings(max_examples=15)
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
