"""The projections: what the facts mean. Every view can be thrown away and built again."""

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
