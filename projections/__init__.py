"""The projections: what the facts mean. Every view can be thrown away and built again."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.line.replayed import ReplayedEvent, is_unread
    from projections.listing.run_filter import RunFilter
    from projections.listing.run_history import RunHistory, RunsPage
    from projections.listing.run_order import RunKey, RunOrder
    from projections.projection import Projection, Row
    from projections.runs.explanation import explain
    from projections.runs.run_summary import RunSummary
    from projections.runs.runs_file import RunsFile

__all__ = [
    "Projection",
    "ReplayedEvent",
    "Row",
    "RunFilter",
    "RunHistory",
    "RunKey",
    "RunOrder",
    "RunSummary",
    "RunsFile",
    "RunsPage",
    "explain",
    "is_unread",
]

_HOMES = {
    "Projection": "projections.projection",
    "ReplayedEvent": "ledger.line.replayed",
    "Row": "projections.projection",
    "RunFilter": "projections.listing.run_filter",
    "RunHistory": "projections.listing.run_history",
    "RunKey": "projections.listing.run_order",
    "RunOrder": "projections.listing.run_order",
    "RunSummary": "projections.runs.run_summary",
    "RunsFile": "projections.runs.runs_file",
    "RunsPage": "projections.listing.run_history",
    "explain": "projections.runs.explanation",
    "is_unread": "ledger.line.replayed",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what the module holds
    """Import what is asked for: who needs one part, or an error of it, waits for no other."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(home), name)
