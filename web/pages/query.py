"""The query of a page as a model. A form sends what was left empty too: that is not asked for."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import QueryParams

from web.problems import InvalidParameters, ParameterError

__all__ = ["NoQuery", "PageQuery", "read_query"]


class PageQuery(BaseModel):
    """What the address of a page may ask for; a parameter that may be repeated is a tuple."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NoQuery(PageQuery):
    """Nothing can be asked for."""


Query = TypeVar("Query", bound=PageQuery)


def read_query(model: type[Query], query: QueryParams) -> Query:
    """Read a query.

    Raises:
        InvalidParameters: names each parameter that is unknown, repeated or has a wrong value.
    """
    given: dict[str, list[str]] = defaultdict(list)
    for name, value in query.multi_items():
        if value.strip():
            given[name].append(value.strip())
    fields = model.model_fields
    several = {name for name, field in fields.items() if get_origin(field.annotation) is tuple}
    errors = [
        ParameterError(name, f"Given {len(values)} times; once is enough")
        for name, values in given.items()
        if len(values) > 1 and name not in several
    ]
    values: dict[str, Any] = {
        name: tuple(texts) if name in several else texts[0] for name, texts in given.items()
    }
    try:
        asked = model.model_validate(values)
    except ValidationError as error:
        known = ", ".join(fields) or "none"
        for each in error.errors(include_url=False):
            unknown = each["type"] == "extra_forbidden"
            detail = f"Unknown here; known are: {known}" if unknown else each["msg"]
            name = str(each["loc"][0]) if each["loc"] else "query"
            errors.append(ParameterError(name, detail))
        raise InvalidParameters(errors) from None
    if errors:
        raise InvalidParameters(errors)
    return asked
