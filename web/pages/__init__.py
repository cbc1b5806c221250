"""The pages, in the order of the navigation. CONTRIBUTING.md says how one is made."""

from __future__ import annotations

from collections.abc import Sequence

from web.pages.compare import CompareQuery, compare_page
from web.pages.events import EventsQuery, events_page
from web.pages.explain import explain_page
from web.pages.failures import failures_page
from web.pages.failures_query import FailuresQuery
from web.pages.ledger import ledger_page
from web.pages.overview import OverviewQuery, overview_page
from web.pages.page import Page
from web.pages.pipeline import PipelineQuery, pipeline_page
from web.pages.run import RunQuery, run_page
from web.pages.runs import runs_page
from web.pages.runs_query import RunsQuery

__all__ = ["PAGES"]

PAGES: Sequence[Page] = (
    Page("/", "overview.html", overview_page, OverviewQuery),
    Page("/runs", "runs.html", runs_page, RunsQuery),
    Page("/runs/{run_id}", "run.html", run_page, RunQuery),
    Page("/runs/{run_id}/explain", "explain.html", explain_page),
    Page("/pipelines/{name}", "pipeline.html", pipeline_page, PipelineQuery),
    Page("/failures", "failures.html", failures_page, FailuresQuery),
    Page("/compare", "compare.html", compare_page, CompareQuery),
    Page("/events", "events.html", events_page, EventsQuery),
    Page("/ledger", "ledger.html", ledger_page),
)
