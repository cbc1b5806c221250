"""The query of a page as a model. A form sends what was left empty too: that is not asked for."""

from __future__ import annotations

from typing import TypeVar

from starlette.datastructures import QueryParams

from web.parameters import Asked, parse_parameters

__all__ = ["NoQuery", "PageQuery", "read_query"]


class PageQuery(Asked):
    """What the address of a page may ask for; a parameter that may be repeated is a tuple."""


class NoQuery(PageQuery):
    """Nothing can be asked for."""


Query = TypeVar("Query", bound=PageQuery)


def read_query(model: type[Query], query: QueryParams) -> Query:
    """Read a query.

    Raises:
        InvalidParameters: names each parameter that is unknown, repeated or has a wrong value.
    """
    given = [(name, value.strip()) for name, value in query.multi_items()]
    return parse_parameters(model, [(name, value) for name, value in given if value])
