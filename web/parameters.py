"""The parameters of an address, as models; anything else in a query is refused.

A value is taken in one way of writing it, which is the one that the OpenAPI document names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from web.problems import InvalidParameters, ParameterError

__all__ = [
    "MOST_POSITIONS",
    "Asked",
    "Flag",
    "LeaseSeconds",
    "Limit",
    "Moment",
    "Past",
    "Position",
    "Reading",
    "Seconds",
    "parse_parameters",
]

MOST_POSITIONS = 10**18 - 1
"""No log has as many."""

_DIGITS = re.compile("[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(\.\d{1,40})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_LEAP = "60"
_A_TIME = "a time with its zone, like 2026-01-15T10:00:00Z"


def _whole_number(value: object) -> object:
    """Take plain digits only, where Python would take ``1_0``, spaces and other scripts too."""
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            raise PydanticCustomError("whole_number", "Input should be a whole number")
        return int(value)
    return value


def _number(value: object) -> object:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise PydanticCustomError("number", "Input should be a number")
        return float(value)
    return value


def _flag(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise PydanticCustomError("flag", "Input should be true or false")
        return value == "true"
    return value


def _moment(value: object) -> object:
    """Read a time as RFC 3339 has it; a leap second is the beginning of the next one."""
    if not isinstance(value, str):
        return value
    parts = _TIME.fullmatch(value)
    if parts is None:
        raise PydanticCustomError("moment", f"Input should be {_A_TIME}")
    day, minute, second, fraction, zone = parts.groups()
    text = f"{day}T{minute}:{'59' if second == _LEAP else second}{(fraction or '')[:7]}{zone}"
    try:
        moment = datetime.fromisoformat(text.upper())
        return (moment + timedelta(seconds=second == _LEAP)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("moment", "Input should be a time of the calendar") from None


def _past(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.isdecimal():
        return _whole_number(value)
    if not _TIME.fullmatch(value):
        raise PydanticCustomError("past", f"Input should be a position, or {_A_TIME}")
    return _moment(value)


Limit = Annotated[int, Field(ge=1, le=1000), BeforeValidator(_whole_number)]
Position = Annotated[int, Field(ge=0, le=MOST_POSITIONS), BeforeValidator(_whole_number)]
Seconds = Annotated[float, Field(ge=0, le=1e12), BeforeValidator(_number)]
LeaseSeconds = Annotated[float, Field(gt=0, le=3600), BeforeValidator(_number)]
Patience = Annotated[float, Field(ge=0, le=30), BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Past = Annotated[Position | datetime, BeforeValidator(_past)]


class Asked(BaseModel):
    """The parameters of one endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reading(Asked):
    """What every question about the ledger may ask."""

    min_position: Annotated[
        Position, Field(description="Wait until this position is reflected: read your writes.")
    ] = 0
    timeout: Annotated[
        Patience, Field(description="Seconds to wait for `min_position` at most.")
    ] = 5.0


Query = TypeVar("Query", bound=BaseModel)


def parse_parameters(
    model: type[Query], given: Iterable[tuple[str, str]], in_path: Mapping[str, Any] | None = None
) -> Query:
    """Read what was asked.

    Args:
        model: what may be asked.
        given: names and values of the query, in order.
        in_path: those of the path.

    Raises:
        InvalidParameters: names each parameter that is unknown, repeated or has a wrong value.
    """
    pairs = list(given)
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    many = {name for name, field in fields.items() if get_origin(field.annotation) is tuple}
    counts = Counter(name for name, _ in pairs if name not in many)
    hidden = set(in_path or ())
    errors = [
        ParameterError(name, f"Given {count} times; once is enough")
        for name, count in counts.items()
        if count > 1
    ]
    errors += [ParameterError(name, "Stands in the path") for name in counts if name in hidden]
    values: dict[str, Any] = {**dict(pairs), **(in_path or {})}
    values |= {name: [value for key, value in pairs if key == name] for name in many & set(values)}
    try:
        parsed = model.model_validate(values)
    except ValidationError as error:
        known = ", ".join(name for name in fields if name not in hidden) or "none"
        for each in error.errors(include_url=False):
            name, detail = str(each["loc"][0]), each["msg"]
            if each["type"] == "extra_forbidden":
                detail = f"Unknown here; known are: {known}"
            elif each["type"] == "string_pattern_mismatch" and fields[name].description:
                # The pattern itself is for programs, which find it in the document.
                form = fields[name].description
                detail = f"{each['input'][:64]!r} is not of the form that is taken: {form}"
            errors.append(ParameterError(name, detail))
        raise InvalidParameters(_in_order(errors, counts)) from None
    if errors:
        raise InvalidParameters(_in_order(errors, counts))
    return parsed


def _in_order(errors: Iterable[ParameterError], asked: Iterable[str]) -> list[ParameterError]:
    """Name what is wrong in the order in which it was asked, then what is missing."""
    places = {name: place for place, name in enumerate(asked)}
    return sorted(errors, key=lambda error: places.get(error.parameter, len(places)))
