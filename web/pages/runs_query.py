"""What the list of runs can be asked for, and the addresses of lists that differ in one thing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ledger.errors import InvalidEvent
from ledger.faults import is_not
from projections.listing.run_filter import RunFilter
from projections.listing.run_order import RunKey, RunOrder
from web.addresses import with_query
from web.pages.moments import Moment, Past
from web.pages.query import PageQuery
from web.problems import InvalidParameters, ParameterError

__all__ = ["RunsQuery", "filter_of", "key_of", "metadata_of", "runs_address"]

Text = Annotated[str, Field(max_length=1_000)]


def _seconds(value: object) -> object:
    """Take a number with a unit too, like ``90s``, ``5m`` and ``2h``."""
    if not isinstance(value, str):
        return value
    unit = _UNITS.get(value[-1:])
    try:
        seconds = float(value) if unit is None else float(value[:-1]) * unit
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise is_not("a length of time, like 90s, 5m, 2h or 1d")
    return seconds


def _pair(text: str) -> str:
    if not text.partition("=")[1] or text.startswith("="):
        raise is_not("of the form key=value")
    return text


_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
Pair = Annotated[Text, AfterValidator(_pair)]


class RunsQuery(PageQuery):
    """Which runs to list, in which order, from where on, and as of which position or time."""

    result: Literal["success", "failed", "stopped", "running"] | None = None
    pipeline: Text | None = None
    q: Text | None = None
    stage_executed: Text | None = None
    stage_failed: Text | None = None
    fingerprint: Text | None = None
    metadata: tuple[Pair, ...] = ()
    started_after: Moment | None = None
    started_before: Moment | None = None
    ended_after: Moment | None = None
    ended_before: Moment | None = None
    duration_above: Seconds | None = None
    duration_below: Seconds | None = None
    sort: RunOrder = RunOrder.NEWEST
    after: Text | None = None
    as_of: Past | None = None


def metadata_of(asked: RunsQuery) -> Mapping[str, str]:
    """Give the pairs of the metadata that are asked for."""
    pairs = (pair.partition("=") for pair in asked.metadata)
    return {key.strip(): value.strip() for key, _, value in pairs}


def filter_of(asked: RunsQuery) -> RunFilter:
    """Give the filter that a query means.

    Raises:
        InvalidEvent: names the parameter that no run can be asked for.
    """
    result = None if asked.result == "running" else asked.result
    same = {
        name: getattr(asked, name)
        for name in RunFilter.__struct_fields__
        if name in RunsQuery.model_fields and name not in ("result", "metadata")
    }
    return RunFilter(
        **same,
        result=result,
        running=asked.result == "running",
        metadata=metadata_of(asked),
        reason=asked.q,
    )


def key_of(asked: RunsQuery) -> RunKey | None:
    """Give the place that the page goes on behind.

    Raises:
        InvalidParameters: it is none, or of a list in another order.
    """
    if asked.after is None:
        return None
    try:
        key = RunKey.parse(asked.after)
        key.check_order(asked.sort)
    except InvalidEvent as error:
        raise InvalidParameters([ParameterError(error.field, error.reason)]) from None
    return key


def runs_address(asked: RunsQuery, **changes: object) -> str:
    """Give the address of a list like this one but for ``changes``; it begins anew unless told."""
    values = {**asked.model_dump(exclude_defaults=True), "after": None, **changes}
    return with_query("runs", _pairs(values))


def _pairs(values: Mapping[str, object]) -> Sequence[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, tuple):
            pairs += [(name, str(one)) for one in value]
        elif isinstance(value, datetime):
            pairs.append((name, value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"))
        elif value is not None:
            pairs.append((name, str(value)))
    return pairs
