"""Projections that could not take every event: they went on, and everybody is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

__all__ = ["Degraded", "degraded_of", "degraded_text"]


class Degraded(msgspec.Struct, frozen=True):
    """A projection that went on without some events: how many, and the position of the first."""

    projection: str
    count: int
    first: int


def degraded_of(rows: Iterable[Sequence[object]]) -> list[Degraded]:
    """Give what the query ``degraded`` found."""
    return [msgspec.convert(row, Degraded) for row in map(_named, rows)]


def _named(row: Sequence[object]) -> dict[str, object]:
    return dict(zip(Degraded.__struct_fields__, row, strict=True))


def degraded_text(degraded: Iterable[Degraded]) -> str:
    """Write the names, like ``cost, owners``."""
    return ", ".join(item.projection for item in degraded)
