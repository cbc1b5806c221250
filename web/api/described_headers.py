"""The headers of answers, as the OpenAPI document describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from web.api.endpoint import Endpoint
from web.parameters import Reading

__all__ = ["DESCRIBED", "headers_of_answer", "headers_of_problem"]


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _number(description: str, *, minimum: int = 1) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": minimum}}


_POSITION = "X-Ledger-Position"
_OF_THE_VIEW = {
    "X-Ledger-Lag": _number("By how many events the log has grown since; left out where by none."),
    "X-Ledger-Damaged": _text(
        "The positions that a damaged log did not let be read, if there are any."
    ),
    "X-Ledger-Degraded": _text(
        "The projections that could not take every event, if there are any."
    ),
}
DESCRIBED: Mapping[str, Mapping[str, Any]] = {
    _POSITION: _number("The position of the log that the answer reflects.", minimum=0),
    **_OF_THE_VIEW,
    "ETag": _text("Give it in `If-None-Match`."),
    "Link": _text('The next page, if there is one, relative to this address: `<…>; rel="next"`.'),
    "Content-Disposition": _text("What to call the file."),
    "WWW-Authenticate": _text("What is taken: `Bearer`."),
    "Retry-After": _number("In how many seconds to ask again, where that is known."),
}
"""All there are, by their names."""

_OF_PROBLEMS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After", 507: "Retry-After"}


def headers_of_answer(endpoint: Endpoint) -> dict[str, Any]:
    """Describe the headers of what an endpoint answers."""
    of_the_view = _OF_THE_VIEW if issubclass(endpoint.asks, Reading) else ()
    tag = ["ETag"] if endpoint.is_tagged else []
    return _references([_POSITION, *of_the_view, *tag, *endpoint.tells])


def headers_of_problem(status: int) -> dict[str, Any]:
    """Describe the headers of a problem of this status."""
    own = _OF_PROBLEMS.get(status)
    return _references([_POSITION, own] if own else [_POSITION])


def _references(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
