"""When kinds of failures came, and the last of each in full."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from projections import RunHistory
from projections.failures.by_fingerprint import list_failures
from projections.failures.failure_details import failure_samples, failures_over_time
from tests.projections.failing_runs import Teller, fingerprint, listed, messages, said
from tests.projections.ledgers import append
from tests.projections.payloads import began, ended, failed, started
from tests.projections.recorded import at, tell

MINUTE = timedelta(minutes=1)


def test_failures_are_counted_in_the_slot_in_which_they_came(tmp_path: Path) -> None:
    """By pipeline, too; what lies outside is not counted, and who did not fail has only noughts."""
    teller, folder = Teller(), tmp_path / "runs"
    runs = [
        teller.run("load: no rows"),
        teller.run("load: no rows", pipeline="other"),
        teller.run("load? no rows"),
        teller.run("load: timed out"),
        teller.run("load: no rows"),
    ]
    append(folder, [event for run in runs for event in run])
    kinds = [fingerprint("load", "no rows"), fingerprint("load", "timed out"), "0" * 16]
    with RunHistory(folder) as history:
        asked = {"begin": at(60), "slot": MINUTE, "slots": 4}
        counts = failures_over_time(history, kinds, **asked)  # type: ignore[arg-type] # as given
        mine = failures_over_time(history, kinds, pipeline="nightly", **asked)  # type: ignore[arg-type] # as given
    assert [list(counts[kind]) for kind in kinds] == [[1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert [list(mine[kind]) for kind in kinds] == [[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_the_last_failure_of_a_kind_is_given_in_full(tmp_path: Path) -> None:
    """Of the attempt that it was; a run that failed outside its stages has none."""
    teller, folder = Teller(), tmp_path / "runs"
    twice = [started("load"), began("load"), failed("load", retry=True), began("load", 2)]
    events = tell(*twice, failed("load", 2), ended("failed", "no rows"))
    append(folder, [*events, *teller.run("load", outside="no money")])
    with RunHistory(folder) as history:
        groups = list_failures(history).groups
        samples = failure_samples(history, groups)
        [kind] = samples
        run = history.get_run("run-1")
    assert len(groups) == 2
    assert run is not None
    assert samples[kind].traceback == "Traceback …"
    assert samples[kind].position == run.attempts[1].position


@pytest.mark.parametrize(
    ("state", "found"),
    [("open", ["no rows"]), ("acknowledged", ["no money"]), ("flaky", ["timed out"])],
)
def test_failures_of_one_state_can_be_listed(tmp_path: Path, state: str, found: list[str]) -> None:
    """The total is theirs; the other states are counted all the same."""
    teller, folder = Teller(), tmp_path / "runs"
    runs = [
        teller.run("load: no rows"),
        teller.run("load? timed out"),
        teller.run("load: no money"),
    ]
    append(folder, [*[event for run in runs for event in run], said("load", "no money")])
    page = listed(folder, state=state)
    assert (messages(page), page.total) == (found, 1)
    assert (page.acknowledged, page.flaky) == (1, 1)
