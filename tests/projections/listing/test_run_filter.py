"""``RunFilter``: what no run can be asked for is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ledger.errors import InvalidEvent
from projections.errors import PeriodReversed
from projections.listing.run_filter import LONGEST_REASON, PERIODS, RunFilter

MORNING, HOUR = datetime(2026, 1, 15, 10, tzinfo=UTC), timedelta(hours=1)
BOUNDS = ("after", "before", "above", "below")


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("result", {"result": "succes"}),
        ("result", {"result": "failed", "running": True}),
        ("started_after", {"started_after": datetime(2026, 1, 15)}),  # noqa: DTZ001 - the case
        ("ended_before", {"ended_before": datetime(2026, 1, 15)}),  # noqa: DTZ001 - the case
        (
            "ended_before",
            {"ended_before": datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))},
        ),
        ("duration_above", {"duration_above": float("nan")}),
        ("pipeline", {"pipeline": "\udcff"}),
        ("stage_failed", {"stage_failed": "\udcff"}),
        ("reason", {"reason": "\udcff"}),
        ("fingerprint", {"fingerprint": "\udcff"}),
        ("reason", {"reason": "x" * (LONGEST_REASON + 1)}),
        ("metadata", {"metadata": {"x": float("nan")}}),
        ("metadata", {"metadata": {"\udcff": 1}}),
    ],
)
def test_what_no_run_can_be_is_refused(field: str, asked: dict[str, Any]) -> None:
    """The error names the field, instead of an empty list."""
    with pytest.raises(InvalidEvent) as caught:
        RunFilter(**asked)

    assert caught.value.field == field


@pytest.mark.parametrize(("begin", "end"), PERIODS)
def test_a_period_does_not_end_before_it_begins(begin: str, end: str) -> None:
    """The error names both of its bounds; equal ones hold no run, and can be asked for."""
    low, high = (1.0, 2.0) if begin.startswith("duration") else (MORNING, MORNING + HOUR)
    asked: dict[str, Any] = {begin: high, end: low}

    with pytest.raises(PeriodReversed) as caught:
        RunFilter(**asked)

    assert (caught.value.begin, caught.value.field) == (begin, end)
    asked = {begin: low, end: low}
    assert RunFilter(**asked) != RunFilter()


def test_each_bound_is_of_one_period() -> None:
    """None that is called after or before, above or below, is left unchecked."""
    bounds = [name for name in RunFilter.__struct_fields__ if name.split("_")[-1] in BOUNDS]
    assert sorted(bounds) == sorted(bound for period in PERIODS for bound in period)


def test_the_number_of_runs_of_a_kind_is_kept() -> None:
    """Of a result, a pipeline, both, running and all; not of anything else."""
    kept = [
        RunFilter(),
        RunFilter(result="failed"),
        RunFilter(pipeline="nightly", running=True),
        RunFilter(pipeline="nightly", result="success"),
    ]
    assert all(one.is_kept for one in kept)
    assert not RunFilter(result="failed", reason="rows").is_kept
    assert not RunFilter(started_after=datetime.now(UTC)).is_kept
