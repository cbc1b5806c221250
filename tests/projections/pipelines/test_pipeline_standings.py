"""What is known of pipelines, read from a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger import EventLog, LogReader
from ledger.events import EventData
from projections import RunHistory
from projections.pipelines.freshness import Expectation, Finding
from projections.pipelines.pipeline_standings import FreshnessReport, check_freshness
from tests.projections.ledgers import append
from tests.projections.payloads import abandoned, began, ended, imported, started
from tests.projections.recorded import at, tell

DAY = 86_400.0


def each(known: Sequence[str]) -> list[Expectation]:
    """Expect a success within a day of each pipeline, and that no run takes longer."""
    day = at(DAY) - at(0)
    return [Expectation(pipeline=name, within=day, max_duration=day) for name in known]


def checked(folder: Path, seconds: float) -> FreshnessReport:
    """Check a ledger so many seconds after ten."""
    with RunHistory(folder) as history:
        return check_freshness(history, each, at(seconds))


def told(findings: Sequence[Finding]) -> list[tuple[str | None, str, str | None]]:
    """Give of each finding the pipeline, what it is and the run."""
    return [(one.pipeline, one.kind, one.run_id) for one in findings]


def test_each_pipeline_is_judged_by_its_own_runs(tmp_path: Path) -> None:
    """By the success that began last, those after it that are dead, and all that go on."""
    stories: dict[str, list[EventData]] = {
        "a-1": [started(pipeline="a"), ended()],
        "a-2": [started(pipeline="a"), abandoned(1)],
        "b-1": [started(pipeline="b"), abandoned(1)],
        "b-2": [started(pipeline="b"), ended()],
        "b-3": [started(pipeline="b"), ended("failed", "no rows")],
        "c-1": [started(pipeline="c"), began("load")],
        "old": [imported("success")],
    }
    events = [event for name, run in stories.items() for event in tell(*run, run_id=name)]
    append(tmp_path / "runs", events)

    soon, late = checked(tmp_path / "runs", 60), checked(tmp_path / "runs", DAY + 60)

    assert soon.pipelines == ("a", "b", "c")
    assert soon.position == LogReader(tmp_path / "runs").position
    assert told(soon.findings) == [("a", "presumed_dead", "a-2"), ("c", "no_success", None)]
    assert told(late.findings) == [
        ("a", "too_old", "a-1"),
        ("a", "presumed_dead", "a-2"),
        ("b", "too_old", "b-2"),
        ("c", "no_success", None),
        # Its writer is elsewhere, and was not heard of for a day.
        ("c", "presumed_dead", "c-1"),
    ]


def test_an_empty_ledger_has_no_pipelines(tmp_path: Path) -> None:
    """What is expected of any is asked for; what is expected is for the caller to say."""
    with EventLog.open(tmp_path / "runs"):
        pass

    assert checked(tmp_path / "runs", 0) == FreshnessReport(findings=(), pipelines=(), position=1)
