"""The projections: what the facts mean. Every view can be thrown away and built again."""

from projections.explanation import explain
from projections.run_history import RunHistory, RunsPage
from projections.run_summary import RunSummary
from projections.runs_file import RunsFile

__all__ = ["RunHistory", "RunSummary", "RunsFile", "RunsPage", "explain"]
