"""The pages that every check goes over. A new page is one more line."""

from __future__ import annotations

__all__ = ["ADDRESSES", "ONE_OF_EACH"]

ADDRESSES = (
    "/",
    "/?show=stopped",
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


def _kind(address: str) -> tuple[str, int]:
    parts = address.partition("?")[0].split("/")
    return parts[1], len(parts)


ONE_OF_EACH = tuple({_kind(address): address for address in ADDRESSES}.values())
"""One address of each page, the last that is listed."""
