"""The query parameters of each address, as models; anything else in a query is refused."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError
from starlette.datastructures import QueryParams

from ledger.events import Result
from web.problems import InvalidParameters, ParameterError

__all__ = ["RunsQuery", "parse_query"]

_DIGITS = re.compile("[0-9]{1,9}")


def _whole_number(value: object) -> object:
    """Take plain digits only, where Python would take ``1_0``, spaces and other scripts too."""
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            raise PydanticCustomError("whole_number", "Input should be a whole number")
        return int(value)
    return value


class RunsQuery(BaseModel):
    """Which runs to list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=1000)] = 100
    result: Result | None = None


Query = TypeVar("Query", bound=BaseModel)


def parse_query(model: type[Query], query: QueryParams) -> Query:
    """Read a query.

    Raises:
        InvalidParameters: names each parameter that is unknown, repeated or has a wrong value.
    """
    counts = Counter(name for name, _ in query.multi_items())
    errors = [
        ParameterError(name, f"Given {count} times; once is enough")
        for name, count in counts.items()
        if count > 1
    ]
    try:
        parsed = model.model_validate(dict(query))
    except ValidationError as error:
        known = ", ".join(model.model_fields)
        for each in error.errors(include_url=False):
            unknown = each["type"] == "extra_forbidden"
            detail = f"Unknown here; known are: {known}" if unknown else each["msg"]
            errors.append(ParameterError(str(each["loc"][0]), detail))
        raise InvalidParameters(errors) from None
    if errors:
        raise InvalidParameters(errors)
    return parsed
