"""What is the current one: the last that was entered, in a context of Python's, and not left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

__all__ = ["Scope"]

_Value = TypeVar("_Value")


class Scope(Generic[_Value]):
    """Knows what was entered and not left yet, in each context for itself."""

    def __init__(self, name: str) -> None:
        """Begin with nothing."""
        self._entered: ContextVar[tuple[_Value, ...]] = ContextVar(name, default=())

    def current(self) -> _Value | None:
        """Give what was entered last of what is not left yet, if anything."""
        return next(reversed(self._entered.get()), None)

    @contextmanager
    def within(self, value: _Value) -> Iterator[None]:
        """Have entered a value to the end of the block.

        What was entered later may be left later, too. And the block may be left in another thread
        or task than it was entered in, as generators and test fixtures do: there the value never
        was entered, and there is nothing to take back.
        """
        self._entered.set((*self._entered.get(), value))
        try:
            yield
        finally:
            left = tuple(other for other in self._entered.get() if other is not value)
            self._entered.set(left)
