"""The projections: what the facts mean. Every view can be thrown away and built again."""

from ledger.replayed import ReplayedEvent, is_unread
from projections.explanation import explain
from projections.projection import Projection, Row
from projections.run_filter import RunFilter
from projections.run_history import RunHistory, RunsPage
from projections.run_order import RunKey, RunOrder
from projections.run_summary import RunSummary
from projections.runs_file import RunsFile

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
