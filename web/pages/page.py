"""What a page is, and how each is served: whole, or only its live part to a page that is open.

A page is a view and a template. The view takes what was asked for and gives plain values; the
template extends the ``layout`` it is given. When the stream says that a page is stale, the page
asks for its own address again with the header ``HX-Request``, gets the live part of the same
template, and puts it in place node by node.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from projections import RunHistory
from projections.read_model.out_of_reach import ranges_text
from web.addresses import way_up
from web.api.accepting import takes_gzip
from web.audit import Audit
from web.ledger_headers import position_header
from web.pages.query import NoQuery, PageQuery, read_query
from web.problems import Problem, answer
from web.templating import render

__all__ = ["Changes", "Page", "Values", "View", "Visit", "page_routes"]

_WHOLE, _LIVE_PART = "layout.html", "live_part.html"
_LEVEL = 1

Values = Mapping[str, Any]


class Changes(StrEnum):
    """Whether a form that changes something would be taken, and why not."""

    TAKEN = "taken"
    REFUSED = "refused"
    """Others may, who are signed in with the scope ``admin``."""
    NEVER = "never"
    """Nobody may on this server."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page, as its view sees it.

    Attributes:
        history: the runs of the ledger.
        asked: the query, as the model of the page.
        names: the parts of the path that vary.
        now: what time it is.
        position: what the page reflects at least.
        audit: what the server has for auditors.
        changes: whether a form of a page would be taken from who asks.
    """

    history: RunHistory
    asked: Any
    names: Mapping[str, str]
    now: datetime
    position: int
    audit: Audit
    changes: Changes = Changes.NEVER


View = Callable[[Visit], Values | Problem]


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        path: where it is.
        template: what shows it; extends ``layout``.
        view: gives the values for the template, or the problem there is instead.
        asks: the model of its query.
    """

    path: str
    template: str
    view: View
    asks: type[PageQuery] = NoQuery


def page_routes(
    pages: Sequence[Page], history: RunHistory, audit: Audit, changes: Callable[[Request], Changes]
) -> list[Route]:
    """Give a route for each page; ``changes`` tells whether a form would be taken from who asks."""
    return [Route(page.path, _endpoint(page, history, audit, changes)) for page in pages]


def _endpoint(
    page: Page,
    history: RunHistory,
    audit: Audit,
    changes: Callable[[Request], Changes],
) -> Callable[[Request], Response]:
    def serve(request: Request) -> Response:
        asked = read_query(page.asks, request.query_params)
        # Taken first: the page may be newer than it says, never older.
        position, out_of_reach = history.standing()
        degraded = history.degraded()
        headers = {
            "Vary": "HX-Request, Accept-Encoding",
            **position_header(position, out_of_reach, degraded),
        }
        now = datetime.now(UTC)
        names = request.path_params
        visit = Visit(history, asked, names, now, position, audit, changes(request))
        values = page.view(visit)
        if isinstance(values, Problem):
            return answer(request, values, headers)
        is_live_part = request.headers.get("hx-request") == "true"
        if is_live_part:
            # So that going back never shows the part where the page was.
            headers["Cache-Control"] = "no-store"
        body = render(
            page.template,
            layout=_LIVE_PART if is_live_part else _WHOLE,
            root=way_up(request),
            page=page,
            position=position,
            damaged=ranges_text(out_of_reach),
            degraded=degraded,
            now=now,
            **values,
        )
        return _sent(request, body.encode(), headers)

    return serve


def _sent(request: Request, body: bytes, headers: dict[str, str]) -> Response:
    """Send a page, compressed to whoever takes it: a tenth of its size, for a millisecond."""
    if takes_gzip(request.headers.get("accept-encoding", "").encode("latin-1")):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, _LEVEL, mtime=0)
    return HTMLResponse(body, headers=headers)
