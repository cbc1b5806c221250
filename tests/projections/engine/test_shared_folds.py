"""Projections that fold alike share one fold."""

from __future__ import annotations

from projections.engine.shared_folds import SharedFolds
from projections.failures.failure_rows import FailureRows
from projections.runs.run_rows import RunRows
from tests.projections.tally import Tally


def test_those_that_fold_alike_share_one_state() -> None:
    """The failures are told by the state of the summaries; another projection has its own."""
    folds = SharedFolds([RunRows(), Tally(), FailureRows()])

    assert folds.places == [0, 1, 0]
    assert [(fold.name, fold.users) for fold in folds.folds] == [("runs", [0, 2]), ("tally", [1])]
    assert len(folds.initial("x")) == 2


def test_two_of_one_class_may_differ() -> None:
    """A method belongs to its instance, which may hold what another one does not."""
    assert SharedFolds([Tally(), Tally()]).places == [0, 1]
