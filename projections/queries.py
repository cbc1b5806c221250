"""The SQL, which lies in ``.sql`` files: one named statement each, loaded once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

__all__ = ["parse_queries", "query", "schema"]

_HEADER = re.compile(r"^-- (\w+) --$", re.MULTILINE)


def parse_queries(text: str) -> Mapping[str, str]:
    """Split a file of statements under ``-- name --`` headers.

    Raises:
        ValueError: a name stands twice.
    """
    parts = _HEADER.split(text)
    names = parts[1::2]
    if len(set(names)) < len(names):
        message = f"a query stands twice among {names}"
        raise ValueError(message)
    return dict(zip(names, (body.strip() for body in parts[2::2]), strict=True))


@cache
def _queries() -> Mapping[str, str]:
    return parse_queries(files("projections").joinpath("queries.sql").read_text())


def query(name: str) -> str:
    """Give the statement of this name from ``queries.sql``."""
    return _queries()[name]


@cache
def schema() -> str:
    """Give the statements that make an empty read model."""
    return files("projections").joinpath("schema.sql").read_text()
