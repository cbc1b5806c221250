"""Tallies: what all runs come to together, added up while they are folded, without a row a run.

A projection that keeps tallies says what one run adds to them. What many runs add is summed in
memory, and the sums are put into the model. When a run that was counted gets another event, what
it added before is taken off again. So a tally is what the runs of the model add, in whatever order
they came, and however the log was split.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from itertools import zip_longest
from math import isfinite
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

import msgspec

from projections.projection import Projection

__all__ = [
    "Key",
    "Number",
    "Sums",
    "Tallies",
    "Tally",
    "Tallying",
    "encode_counts",
    "merged",
    "only_grows",
]

Number = int | float
Key = tuple[str | int, ...]
"""The values of a row's key."""

Tally = tuple[str, Key, Mapping[str, Number]]
"""What a run adds: the name of a table, the values of its key, and numbers by their names."""

Sums = dict[tuple[str, Key], dict[str, Number]]
"""What many runs add: numbers by their names, by table and key."""

_Given = tuple[int, list[Tally]]
"""The place of a projection, and what a run adds for it."""

_GREATEST = "max_"
_PLAIN = frozenset({str, int})
_BIGGEST = 2**63
# So that sums over millions of runs stay within 64 bits.
_MOST = 2**40
_FULL = 20_000
State_contra = TypeVar("State_contra", contravariant=True)
encode_counts = msgspec.json.Encoder(order="sorted").encode
"""Writes the numbers of a row: equal ones give equal bytes."""


class Tallying(Protocol[State_contra]):
    """What a projection has that keeps tallies.

    A table of tallies has the columns of its key, and last one called ``counts``: a JSON object of
    numbers by their names. Numbers are whole and are added up; of those whose name begins with
    ``max_`` the greatest stands, so what a run says of them must only grow.

    Attributes:
        widths: tables whose key begins with a width and a slot, both in seconds, by name; what is
            given for the first of these widths is summed for each of the others, too, each of
            which is a multiple of the one before.
    """

    widths: Mapping[str, Sequence[int]]

    def tallies(self, state: State_contra) -> Iterable[Tally]:
        """Give all that a run adds; pure, like ``rows``."""


class TallyStore(Protocol):
    """Where sums are put."""

    def put_tallies(self, projection: str, sums: Sums) -> None:
        """Add sums to what is there."""


class Tallies:
    """What the projections count of runs, and the sums that are not in the model yet."""

    def __init__(
        self,
        projections: Sequence[Projection[Any]],
        columns: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Count for projections.

        Args:
            projections: those that keep no tallies are passed over.
            columns: for each projection the tables of its tallies, and how many columns their keys
                have; None where that is not known.
        """
        self._projections = projections
        self._columns = columns
        self._widths: list[Mapping[str, Sequence[int]]] = [
            getattr(projection, "widths", {}) for projection in projections
        ]
        self._tallying: list[tuple[int, Callable[[Any], Iterable[Tally]]]] = [
            (at, cast("Tallying[Any]", projection).tallies)
            for at, projection in enumerate(projections)
            if hasattr(projection, "tallies")
        ]
        self.sums: list[Sums] = [{} for _ in projections]

    def of(
        self,
        states: Sequence[Any],
        failed: Callable[[int, Exception], None] = lambda _at, _error: None,
    ) -> list[tuple[int, list[Tally]]]:
        """Give what a run in these states adds, with the places of the projections.

        Where a projection fails, the run adds nothing, and ``failed`` is told.
        """
        found = []
        for at, tallies in self._tallying:
            columns = self._columns_of(at)
            try:
                given = _checked(tallies(states[at]), columns, self._widths[at], self.sums[at])
                found.append((at, given))
            except Exception as error:  # noqa: BLE001 - whatever the code of somebody raises
                failed(at, error)
        return found

    def count(self, states: Sequence[Any]) -> None:
        """Check and add what a run in these states adds, in one go.

        Raises whatever is wrong with it. It may be added in part by then, so the sums are of no
        use any more.
        """
        for at, tallies in self._tallying:
            sums, columns = self.sums[at], self._columns_of(at)
            for table, key, counts in tallies(states[at]):
                place = (table, key)
                held = sums.get(place)
                if held is None or not _PLAIN.issuperset(map(type, key)):
                    _check_place(table, key, columns, self._widths[at])
                    held = sums.setdefault(place, {})
                _add_checked(held, counts)

    def _columns_of(self, at: int) -> Mapping[str, int] | None:
        return self._columns[self._projections[at].name] if self._columns else None

    def add(self, tallies: Iterable[tuple[int, Iterable[Tally]]], sign: int = 1) -> None:
        """Add what a run adds; or, with -1, take it off again."""
        for at, given in tallies:
            sums = self.sums[at]
            for table, key, counts in given:
                place = (table, key)
                held = sums.get(place)
                if held is not None:
                    _add(held, counts, sign)
                elif sign > 0:
                    sums[place] = dict(counts)
                else:
                    _add(sums.setdefault(place, {}), counts, sign)

    def replace(self, before: Sequence[_Given], now: Sequence[_Given]) -> None:
        """Take off what a run added before, and add what it adds now.

        What stays as it is, stage by stage, is not touched: an event writes no more rows for the
        stages that the run has behind it.
        """
        for at in range(len(self.sums)):
            old, new = _tallies_of(at, before), _tallies_of(at, now)
            changed = [(one, other) for one, other in zip_longest(old, new) if one != other]
            self.add([(at, [one for one, _ in changed if one])], -1)
            self.add([(at, [other for _, other in changed if other])])

    def put(self, store: TallyStore, *, if_many: bool = False) -> None:
        """Put the sums into a model, or only if there are many; and begin anew."""
        if if_many and sum(map(len, self.sums)) < _FULL:
            return
        for at, projection in enumerate(self._projections):
            if self.sums[at]:
                sums = _in_all_widths(self.sums[at], self._widths[at])
                store.put_tallies(projection.name, sums)
                self.sums[at] = {}


def _tallies_of(at: int, given: Sequence[_Given]) -> list[Tally]:
    return next((tallies for place, tallies in given if place == at), [])


def _checked(
    tallies: Iterable[Tally],
    columns: Mapping[str, int] | None = None,
    widths: Mapping[str, Sequence[int]] = MappingProxyType({}),
    known: Container[tuple[str, Key]] = (),
) -> list[Tally]:
    """Give tallies as a list, if a model takes them.

    Args:
        tallies: what a run adds.
        columns: the tables there are, and how many columns their keys have; None is not known.
        widths: tables whose keys begin with a width and a slot.
        known: keys that were checked before.

    Raises:
        LookupError: there is no such table.
        TypeError: a key or a number is of another kind than it must be.
        ValueError: a text cannot be encoded, or a number is too large.
    """
    found = list(tallies)
    for table, key, counts in found:
        # What equals a known key could be of another kind still, as True and 1.0 are.
        if (table, key) not in known or not _PLAIN.issuperset(map(type, key)):
            _check_place(table, key, columns, widths)
        _check_numbers(counts)
    return found


def _check_place(
    table: str, key: Key, columns: Mapping[str, int] | None, widths: Mapping[str, Sequence[int]]
) -> None:
    if columns is not None and columns[table] != len(key):
        message = f"a key of {table} has {columns[table]} values, not {len(key)}"
        raise TypeError(message)
    _check_key(table, key)
    if table in widths:
        _check_whole(table, key[0])
        _check_whole(table, key[1])


# Almost all values take the short ways, which are not worth a call.


def _check_key(table: str, key: Key) -> None:
    for value in key:
        if type(value) is str:
            if not value.isascii():
                value.encode()
        elif type(value) is not int or not -_MOST < value < _MOST:
            _check_whole(table, value)


def _check_numbers(counts: Mapping[str, Number]) -> None:
    for name, number in counts.items():
        if type(number) is int and -_MOST < number < _MOST:
            continue
        if name[:4] != _GREATEST:
            _check_whole(name, number, _MOST)
        elif type(number) is not float or not isfinite(number):
            _check_whole(name, number)


def _check_whole(name: str, number: object, limit: int = _BIGGEST) -> None:
    if type(number) is not int:
        message = f"{name} has {number!r}, where a whole number is needed"
        raise TypeError(message)
    if not -limit < number < limit:
        message = f"{name} has {number}, which is not below {limit}"
        raise ValueError(message)


def _add_checked(held: dict[str, Number], counts: Mapping[str, Number]) -> None:
    known = held.get
    for name, number in counts.items():
        if type(number) is int and -_MOST < number < _MOST and name[:4] != _GREATEST:
            held[name] = known(name, 0) + number
        elif type(number) is float and name[:4] == _GREATEST and isfinite(number):
            if name not in held or number > held[name]:
                held[name] = number
        else:
            alone = {name: number}
            _check_numbers(alone)
            _add(held, alone)


def _add(held: dict[str, Number], counts: Mapping[str, Number], sign: int = 1) -> None:
    """Add the numbers of a row to those of another one; or, with -1, take them off."""
    known = held.get
    for name, number in counts.items():
        if name[:4] != _GREATEST:
            held[name] = known(name, 0) + sign * number
        elif sign > 0:
            before = known(name)
            # The same number may come as 1 and as 1.0, in any order.
            if before is None or number > before or (number == before and type(number) is int):
                held[name] = number


def _in_all_widths(sums: Sums, widths: Mapping[str, Sequence[int]]) -> Sums:
    """Sum what is counted in slots of the first width of its table for the others."""
    spread: Sums = dict(sums)
    for table, (_, *wider_ones) in widths.items():
        narrow = {key: counts for (of, key), counts in sums.items() if of == table}
        for width in wider_ones:
            wide: dict[Key, dict[str, Number]] = {}
            for key, counts in narrow.items():
                slot = int(key[1])
                place = (width, slot - slot % width, *key[2:])
                if place in wide:
                    _add(wide[place], counts)
                else:
                    wide[place] = dict(counts)
            spread.update(((table, key), counts) for key, counts in wide.items())
            narrow = wide
    return spread


def merged(held: Mapping[str, Number], more: Mapping[str, Number]) -> dict[str, Number]:
    """Give what two rows of one key come to; nothing, where nothing is left to be counted."""
    both = dict(held or more)
    if held:
        _add(both, more)
    kept = both
    if not all(both.values()):
        kept = {name: number for name, number in both.items() if number or name[:4] == _GREATEST}
    return kept if any(name[:4] != _GREATEST for name in kept) else {}


def only_grows(counts: Mapping[str, Number]) -> bool:
    """Tell a sum that takes nothing off what is there, and is something by itself."""
    return min(counts.values(), default=0) > 0 and any(name[:4] != _GREATEST for name in counts)
