"""The attempts of a run as a list gives them: stored, and read when one is looked at.

A list of a hundred runs holds several hundred attempts, which most who ask for it never look at;
to read them takes longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["AsTuple", "ReadWhenNeeded"]

Item = TypeVar("Item")


class ReadWhenNeeded(Sequence[Item], Generic[Item]):
    """A tuple in all but its class, whose items are read on first use."""

    __slots__ = ("_items", "_read", "_stored")

    def __init__(self, stored: str, read: Callable[[str], tuple[Item, ...]]) -> None:
        """Keep what is stored, and what reads it."""
        self._stored = stored
        self._read = read
        self._items: tuple[Item, ...] | None = None

    def _all(self) -> tuple[Item, ...]:
        if self._items is None:
            self._items = self._read(self._stored)
        return self._items

    @overload
    def __getitem__(self, at: int) -> Item: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Item, ...]: ...

    def __getitem__(self, at: int | slice) -> Item | tuple[Item, ...]:
        return self._all()[at]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Item]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return self._all() == (other._all() if isinstance(other, ReadWhenNeeded) else other)

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def __reduce__(self) -> tuple[type[tuple[Item, ...]], tuple[tuple[Item, ...]]]:
        """Be copied and pickled as the tuple it stands for."""
        return tuple, (self._all(),)


class AsTuple:
    """Marks a field of a model that is read and written as a tuple of ``item``."""

    def __init__(self, item: type[Any]) -> None:
        """Take the class of the items."""
        self._item = item

    def __get_pydantic_core_schema__(
        self, _source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate as a tuple, and write what stands for one as one."""
        item = [handler.generate_schema(self._item)]
        plain = core_schema.tuple_schema(item, variadic_item_index=0)
        writing = core_schema.wrap_serializer_function_ser_schema(_write, schema=plain)
        return core_schema.tuple_schema(item, variadic_item_index=0, serialization=writing)


def _write(items: Sequence[Any], write: core_schema.SerializerFunctionWrapHandler) -> Any:  # noqa: ANN401 - what pydantic makes of it
    return write(tuple(items))
