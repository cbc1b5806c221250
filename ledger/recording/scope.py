"""Where a value is the current one: in a context of Python's, from its entry to its exit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar

__all__ = ["current_in_scope"]

_Value = TypeVar("_Value")


@contextmanager
def current_in_scope(variable: ContextVar[_Value], value: _Value) -> Iterator[None]:
    """Make a value the current one to the end of the block.

    The block may be left in another thread or task than it was entered in, as generators and test
    fixtures do: there the value never was the current one, and there is nothing to take back.
    """
    token = variable.set(value)
    try:
        yield
    finally:
        with suppress(ValueError):
            variable.reset(token)
