"""What all answers depend on, but for the clock."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ViewState"]


class ViewState(NamedTuple):
    """What all answers depend on, but for the clock: while it stays equal, they stay the same.

    Attributes:
        position: the last durable one.
        generation: tells the current model from the ones before it.
    """

    position: int
    generation: tuple[int, ...]
