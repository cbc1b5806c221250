"""The pages, in the order of the navigation. CONTRIBUTING.md says how one is made."""

from __future__ import annotations

from collections.abc import Sequence

from web.pages.compare import CompareQuery, compare_page
from web.pages.events import EventsQuery, events_page
from web.pages.explain import explain_page
from web.pages.ledger import ledger_page
from web.pages.page import NavigationLink, Page
from web.pages.run import RunQuery, run_page
from web.pages.runs import runs_page
from web.pages.runs_query import RunsQuery

__all__ = ["PAGES"]

PAGES: Sequence[Page] = (
    Page("/runs", "runs.html", runs_page, asks=RunsQuery, link=NavigationLink("Runs", "r")),
    Page("/runs/{run_id}", "run.html", run_page, asks=RunQuery),
    Page("/runs/{run_id}/explain", "explain.html", explain_page),
    Page("/compare", "compare.html", compare_page, CompareQuery, NavigationLink("Compare", "c")),
    Page("/events", "events.html", events_page, EventsQuery, NavigationLink("Events", "e")),
    Page("/ledger", "ledger.html", ledger_page, link=NavigationLink("Ledger", "l")),
)
