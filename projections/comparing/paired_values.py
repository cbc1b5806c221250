"""Values of two runs side by side, and whether they are the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from projections.statistics.baselines import Usual

__all__ = ["DurationPair", "ValuePair", "pair_durations", "pair_values"]

Side = Literal["a", "b"]


class _Served(BaseModel):
    model_config = ConfigDict(frozen=True)


class ValuePair(_Served):
    """A value as each of two runs has it.

    Attributes:
        name: the field, or the key.
        a: the value in the first run, as it is served; null where it has none.
        b: likewise in the second.
        only: the one that has it, where the other has not; so a null that is there is told apart.
        equal: whether both have it and it is the same JSON: 1 is neither 1.0 nor true.
    """

    name: str
    a: Any = None
    b: Any = None
    only: Side | None = None
    equal: bool


class DurationPair(_Served):
    """How long something took in each of two runs, in seconds; null where it is not known.

    Attributes:
        a: in the first run.
        b: in the second.
        delta: by how much longer it took in the first.
        spreads: how many times the usual spread that is: below 1 it is nothing out of the ordinary.
            Null where none is known, or all usually take exactly as long.
        usual: what is usual.
    """

    a: float | None
    b: float | None
    delta: float | None
    spreads: float | None
    usual: Usual | None


def pair_values(
    a: Mapping[str, Any], b: Mapping[str, Any], names: Iterable[str] | None = None
) -> Iterator[ValuePair]:
    """Pair the values of two mappings by their keys: those named, or all, sorted."""
    for name in sorted(a.keys() | b.keys()) if names is None else names:
        if name in a and name in b:
            yield ValuePair(name=name, a=a[name], b=b[name], equal=_same(a[name], b[name]))
        elif name in a:
            yield ValuePair(name=name, a=a[name], only="a", equal=False)
        else:
            yield ValuePair(name=name, b=b[name], only="b", equal=False)


def pair_durations(a: float | None, b: float | None, usual: Usual | None) -> DurationPair:
    """Pair two durations, and measure their difference by what is usual."""
    delta = None if a is None or b is None else a - b
    spreads = None
    if delta is not None and usual is not None and usual.spread > 0:
        # A spread next to nothing makes a number that is none.
        times = delta / usual.spread
        spreads = times if math.isfinite(times) else None
    return DurationPair(a=a, b=b, delta=delta, spreads=spreads, usual=usual)


def _same(a: object, b: object) -> bool:
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
