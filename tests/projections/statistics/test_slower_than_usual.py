"""What is usual of a pipeline, as comparisons measure by it and checks find what is slower."""

from __future__ import annotations

from pathlib import Path

from ledger.events import EventData, Result, RunEnded, StageCompleted
from projections import RunHistory
from projections.comparing.compared_runs import compare_recorded
from projections.pipelines.freshness import Expectation
from projections.pipelines.pipeline_standings import check_freshness
from projections.statistics.baselines import Usual
from tests.projections.ledgers import append
from tests.projections.payloads import began, failed, started
from tests.projections.recorded import at, tell


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


def test_differences_are_measured_by_the_successes_before_the_later_run(tmp_path: Path) -> None:
    """The last twenty of its pipeline, whatever failed in between; of stages what succeeded."""
    folder = tmp_path / "runs"
    nights = [night(1_000), *(night(10 + number) for number in range(20))]
    nights += [night(500, "failed"), night(700, pipeline="hourly"), night(20)]
    record_nights(folder, nights)

    with RunHistory(folder) as history:
        found = compare_recorded(history, "run-23", "run-21")
        mirrored = compare_recorded(history, "run-21", "run-23")
        apart = compare_recorded(history, "run-23", "run-22")

    assert found is not None
    assert found.duration.usual == Usual(median=19.5, spread=5, successes=20)
    assert (found.duration.delta, found.duration.spreads) == (-480, -96)
    load = Usual(median=9.75, spread=2.5, successes=20)
    assert [pair.duration.usual for pair in found.attempts] == [load, load]
    assert mirrored is not None
    assert mirrored.duration.usual == found.duration.usual
    assert apart is not None
    assert apart.duration.usual is None


def test_a_slow_success_is_found_until_one_is_not(tmp_path: Path) -> None:
    """The run and its stage; a success that is quick again ends it."""
    folder = tmp_path / "runs"
    nights = [night(10) for _ in range(6)]
    record_nights(folder, [*nights, night(30)])

    def findings() -> list[tuple[str, str | None, float | None, float | None]]:
        with RunHistory(folder) as history:
            report = check_freshness(
                history, lambda known: [Expectation(pipeline=name) for name in known], at(60)
            )
        return [(one.kind, one.stage, one.seconds, one.allowed_seconds) for one in report.findings]

    assert findings() == [("regression", None, 30, 10), ("regression", "load", 15, 5)]
    append(folder, tell(*night(11), run_id="quick"))
    assert findings() == []
