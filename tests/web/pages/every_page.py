"""The pages that every check goes over. A new page is one more line."""

from __future__ import annotations

__all__ = ["ADDRESSES"]

ADDRESSES = (
    "/",
    "/pipelines/nightly",
    "/runs",
    "/runs?q=index&pipeline=nightly&metadata=day%3D2026-01-15&started_after=2020-01-01",
    "/runs/run-failed",
    "/runs/run-failed?event=6",
    "/runs/run-running",
    "/runs/run-imported",
    "/runs/hostile-0",
    "/runs/hostile-1",
    "/runs/hostile-3/explain",
    "/?show=stopped",
    "/pipelines/hourly?days=1&stage=fetch",
    "/failures",
    "/failures?state=all&pipeline=nightly",
    "/compare",
    "/compare?a=run-failed&b=run-flaky",
    "/compare?a=hostile-0&b=hostile-1&all=true",
    "/events?run=run-failed",
    "/events?run=run-000&at=7",
    "/events?run=hostile-1&type=run_started&follow=true",
    "/ledger",
)
