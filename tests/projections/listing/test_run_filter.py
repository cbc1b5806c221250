"""``RunFilter``: what no run can be asked for is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ledger.errors import InvalidEvent
from projections.listing.run_filter import LONGEST_REASON, RunFilter


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
