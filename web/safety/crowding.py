"""What somebody is told who comes while the server has as many connections as it takes."""

from __future__ import annotations

import json

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from web.problems import Problem
from web.safety.answer_headers import SECURITY_HEADERS

__all__ = ["too_many"]

_PROBLEM = Problem(
    503,
    "This server has as many connections as it takes: try again in a moment.",
    kind="too-many-connections",
    title="Too many connections",
)
_BODY = json.dumps(_PROBLEM.as_json()).encode()
# Closed, so that there is room for the next.
_HEADERS = {**SECURITY_HEADERS, "Retry-After": "1", "Connection": "close"}


async def too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a request in the fewest steps there are, a browser's too."""
    response = Response(_BODY, 503, _HEADERS, "application/problem+json")
    await response(scope, receive, send)
