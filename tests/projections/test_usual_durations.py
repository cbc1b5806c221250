"""What is usual of a pipeline: by its last successes, and when something is slower than that."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import EventData, Result, RunEnded, StageCompleted
from projections import RunHistory
from projections.compared_runs import compare_recorded
from projections.pipeline_standings import check_freshness
from projections.usual_durations import Usual, UsualDurations, is_slow, usual_before, usual_of
from tests.projections.drawing import unhurried
from tests.projections.ledgers import append
from tests.projections.payloads import began, failed, started
from tests.projections.recorded import at, tell
from tests.projections.test_pipeline_standings import each

durations = st.lists(st.integers(0, 10_000).map(float), min_size=1, max_size=20)


def night(seconds: float, result: Result = "success", pipeline: str = "nightly") -> list[EventData]:
    """Tell a run whose stage is tried twice, and takes half of the time."""
    return [
        started(pipeline=pipeline),
        began("load"),
        failed("load", retry=True),
        began("load", 2),
        StageCompleted(stage="load", attempt=2, elapsed_seconds=seconds / 2),
        RunEnded(result=result, elapsed_seconds=seconds),
    ]


def record_nights(folder: Path, nights: list[list[EventData]]) -> None:
    """Record runs, one after the other."""
    numbered = {f"run-{number:02}": told for number, told in enumerate(nights)}
    append(folder, [event for name, told in numbered.items() for event in tell(*told, run_id=name)])


@given(values=durations)
@unhurried
def test_half_of_them_lie_within_a_spread(values: list[float]) -> None:
    """Whatever their order."""
    usual = usual_of(values)

    assert usual is not None
    assert (usual.median, usual.count) == (median(values), len(values))
    within = [one for one in values if abs(one - usual.median) <= usual.spread]
    assert 2 * len(within) >= len(values)
    assert usual_of(values[::-1]) == usual


@pytest.mark.parametrize(
    ("seconds", "usual", "slow"),
    [
        (15.1, Usual(median=10, spread=1, count=20), True),
        (14.9, Usual(median=10, spread=1, count=20), False),
        (15.1, Usual(median=10, spread=2, count=20), False),
        (15.1, Usual(median=10, spread=1, count=4), False),
        (0.5, Usual(median=0.1, spread=0, count=20), False),
        (1.5, Usual(median=0.1, spread=0, count=20), True),
    ],
)
def test_slow_is_what_somebody_should_look_at(seconds: float, usual: Usual, slow: bool) -> None:
    """Half as long again, beyond three spreads, more than a second, and known by five."""
    assert is_slow(seconds, usual) is slow


def test_the_last_twenty_successes_tell_what_is_usual(tmp_path: Path) -> None:
    """Of the pipeline, before a position, whatever failed in between; of stages what succeeded."""
    folder = tmp_path / "runs"
    nights = [night(1_000), *(night(10 + number) for number in range(20))]
    nights += [night(500, "failed"), night(700, pipeline="hourly"), night(20)]
    record_nights(folder, nights)

    with RunHistory(folder) as history:
        run_23 = history.get_run("run-23")
        assert run_23 is not None
        found = history.ask(
            lambda connection, _: usual_before(connection, "nightly", run_23.started_position)
        )
        none = history.ask(lambda connection, _: usual_before(connection, "none", 10**9))
        compared = compare_recorded(history, "run-23", "run-21")
        apart = compare_recorded(history, "run-23", "run-22")

    assert found.run == Usual(median=19.5, spread=5, count=20)
    assert found.stages == {"load": Usual(median=9.75, spread=2.5, count=20)}
    assert none == UsualDurations()
    assert compared is not None
    assert compared.duration.usual == found.run
    assert (compared.duration.delta, compared.duration.spreads) == (-480, -96)
    assert [pair.duration.usual for pair in compared.attempts] == [found.stages["load"]] * 2
    assert apart is not None
    assert apart.duration.usual is None


def test_a_slow_success_is_found_until_one_is_not(tmp_path: Path) -> None:
    """The run and its stage; a success that is quick again ends it."""
    folder = tmp_path / "runs"
    nights = [night(10) for _ in range(6)]
    record_nights(folder, [*nights, night(30)])

    def findings() -> list[tuple[str, str | None, float | None, float | None]]:
        with RunHistory(folder) as history:
            report = check_freshness(history, each, at(60))
        return [(one.kind, one.stage, one.seconds, one.allowed_seconds) for one in report.findings]

    assert findings() == [("regression", None, 30, 10), ("regression", "load", 15, 5)]
    append(folder, tell(*night(11), run_id="quick"))
    assert findings() == []
