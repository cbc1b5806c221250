"""The projections: what the facts mean. Every view can be thrown away and built again."""

from projections.explanation import explain
from projections.run_filter import RunFilter
from projections.run_history import RunHistory, RunsPage
from projections.run_order import RunKey, RunOrder
from projections.run_summary import RunSummary
from projections.runs_file import RunsFile

__all__ = [
    "RunFilter",
    "RunHistory",
    "RunKey",
    "RunOrder",
    "RunSummary",
    "RunsFile",
    "RunsPage",
    "explain",
]
