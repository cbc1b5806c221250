"""Runs of a ledger compared: the default of what with, at one position."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import LogReader
from projections import RunHistory
from projections.comparing.compared_runs import compare_recorded
from projections.comparing.run_comparison import RunComparison
from projections.errors import NoEarlierSuccess
from tests.projections.ledgers import append
from tests.projections.payloads import began, done, ended, failed, imported, started
from tests.projections.recorded import tell


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a ledger in which runs of two pipelines succeed and fail in turn."""
    folder = tmp_path_factory.mktemp("log") / "runs"
    good = [started("load"), began("load"), done("load"), ended()]
    bad = [started("load"), began("load"), failed("load"), ended("failed", "no rows")]
    other = [started(pipeline="hourly"), ended()]
    told = {"1-bad": bad, "2-good": good, "3-hourly": other, "4-bad": bad, "5-bad": bad}
    told |= {"6-old": [imported()], "7-on": good[:2], "8-good": good}
    append(folder, [event for name, run in told.items() for event in tell(*run, run_id=name)])
    return folder


def compared(folder: Path, run_id: str, other_id: str | None = None) -> RunComparison | None:
    """Compare runs of a ledger."""
    with RunHistory(folder) as history:
        return compare_recorded(history, run_id, other_id)


@pytest.mark.parametrize(
    ("run_id", "other_id"),
    [("4-bad", "2-good"), ("5-bad", "2-good"), ("7-on", "2-good"), ("8-good", "2-good")],
)
def test_a_run_is_compared_with_the_last_success_before_it(
    folder: Path, run_id: str, other_id: str
) -> None:
    """Of its pipeline, whatever ended in between."""
    found = compared(folder, run_id)

    assert found is not None
    assert (found.a.run_id, found.b.run_id) == (run_id, other_id)
    assert found.position == LogReader(folder).position
    assert found == compared(folder, run_id, other_id)


@pytest.mark.parametrize(("run_id", "pipeline"), [("1-bad", "nightly"), ("6-old", None)])
def test_where_there_is_no_success_before_it_that_is_told(
    folder: Path, run_id: str, pipeline: str | None
) -> None:
    """With the pipeline, where it is known."""
    with pytest.raises(NoEarlierSuccess) as raised:
        compared(folder, run_id)

    assert (raised.value.run_id, raised.value.pipeline) == (run_id, pipeline)


def test_any_two_runs_can_be_compared(folder: Path) -> None:
    """Of two pipelines, an imported one, one that goes on, and one with itself."""
    for one, other in (("2-good", "3-hourly"), ("6-old", "7-on"), ("7-on", "8-good")):
        found = compared(folder, one, other)
        assert found is not None
        assert not found.equal
    same = compared(folder, "7-on", "7-on")
    assert same is not None
    assert same.equal


def test_an_unknown_run_is_none(folder: Path) -> None:
    """On either side."""
    assert compared(folder, "none") is None
    assert compared(folder, "4-bad", "none") is None
