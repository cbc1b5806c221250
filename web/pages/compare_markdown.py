"""The comparison of two runs as Markdown, for a ticket: what the page's link and button give.

It is sent as plain text, so that a browser shows it rather than puts it on disk.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from projections import RunHistory
from projections.comparing.compared_runs import compare_recorded
from projections.comparing.run_comparison import RunComparison
from projections.errors import NoEarlierSuccess
from web.pages.compare import CompareQuery
from web.pages.query import read_query
from web.pages.run import unknown_run
from web.problems import InvalidParameters, ParameterError, Problem, answer

__all__ = ["compare_markdown_route"]


def compare_markdown_route(history: RunHistory, write: Callable[[RunComparison], str]) -> Route:
    """Give the route; ``write`` puts a comparison into Markdown."""

    def serve(request: Request) -> Response:
        asked = read_query(CompareQuery, request.query_params)
        if asked.a is None:
            raise InvalidParameters([ParameterError("a", "Name the run that is asked about")])
        try:
            found = compare_recorded(history, asked.a, asked.b)
        except NoEarlierSuccess as error:
            return answer(request, Problem(404, f"{error}.", kind="no-earlier-success"))
        if found is None:
            is_known = history.run_json(asked.a) is not None
            missing = asked.b if is_known and asked.b is not None else asked.a
            return answer(request, unknown_run(missing))
        return PlainTextResponse(write(found if asked.all else found.differences()))

    return Route("/compare.md", serve)
