"""What the list of failures can be asked for, and the addresses of lists that differ in a thing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from web.addresses import with_query
from web.pages.moments import Moment
from web.pages.query import PageQuery
from web.pages.runs_query import Text

__all__ = ["FailuresQuery", "State", "failures_address"]

State = Literal["open", "acknowledged", "flaky", "all"]


class FailuresQuery(PageQuery):
    """Which failures to list.

    Attributes:
        state: in which state they are; ``all`` is any.
        pipeline: only failures of this one.
        since: count only failures from then on.
        new_since: only kinds that were not seen before then.
        new_version: only kinds that were not seen before this code version failed.
        limit: how many kinds at most.
        acknowledged: the fingerprint that somebody has just acknowledged.
    """

    state: State = "open"
    pipeline: Text | None = None
    since: Moment | None = None
    new_since: Moment | None = None
    new_version: Text | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 50
    acknowledged: Annotated[
        Annotated[str, Field(pattern="^[0-9a-f]{1,64}$")] | None,
        Field(description="The fingerprint of a failure."),
    ] = None


def failures_address(asked: FailuresQuery, **changes: object) -> str:
    """Give the address of a list like this one but for ``changes``."""
    values = {**asked.model_dump(exclude_defaults=True), "acknowledged": None, **changes}
    pairs = [
        (name, _text(value))
        for name, value in values.items()
        if value is not None and value != FailuresQuery.model_fields[name].default
    ]
    return with_query("failures", pairs)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return str(value)
