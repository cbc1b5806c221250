"""Relative addresses, which hold below any prefix that a proxy puts before the pages."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from starlette.requests import Request

__all__ = ["pipeline_address", "run_address", "way_up", "with_query"]


def way_up(request: Request) -> str:
    """Give the relative address of the first page, as seen from the one that is asked for."""
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return "../" * (path.count("/") - 1) or "./"


def pipeline_address(name: str) -> str:
    """Give the address of a pipeline, relative to the first page."""
    return f"pipelines/{quote(name, safe='')}"


def run_address(run_id: str) -> str:
    """Give the address of a run, relative to the first page."""
    return f"runs/{quote(run_id, safe='')}"


def with_query(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Put a query behind an address; an empty one is left out."""
    query = urlencode(list(pairs))
    return f"{path}?{query}" if query else path
