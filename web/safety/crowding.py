"""What somebody is told who comes while the server has as many connections as it takes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from web.problems import Problem, answer
from web.safety.answer_headers import SECURITY_HEADERS

__all__ = ["too_many"]

_PROBLEM = Problem(
    503,
    "This server has as many connections as it takes: try again in a moment.",
    kind="too-many-connections",
    title="Too many connections",
)
# Closed, so that there is room for the next.
_HEADERS = {**SECURITY_HEADERS, "Retry-After": "1", "Connection": "close"}


async def too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a request, whatever it asks."""
    await answer(Request(scope), _PROBLEM, _HEADERS)(scope, receive, send)
